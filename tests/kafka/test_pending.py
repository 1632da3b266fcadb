"""What may be committed, and who waits for whom."""

from hypothesis import given
from hypothesis import strategies as st

from infra.kafka.envelope import Message
from infra.kafka.pending import FIRST, LONGEST, Pending


def message(offset: int, key: bytes | None) -> Message:
    return Message("t", 0, offset, key, b"", [])


def test_only_the_head_of_a_key_is_tried_and_others_go_on():
    held = Pending()
    held.add([message(5, b"a"), message(6, b"a"), message(7, b"b"), message(9, None), message(10, None)])
    assert [each.offset for each in held.fresh()] == [5, 7, 9, 10]
    assert held.fail(message(5, b"a"), now=0.0) == FIRST
    assert [each.offset for each in held.fresh()] == [7, 9, 10]
    assert (held.due(FIRST / 2), [each.offset for each in held.due(FIRST)]) == ([], [5])
    held.decide(message(5, b"a"))
    assert [each.offset for each in held.fresh()] == [7, 9, 10, 6]


def test_the_pause_doubles_up_to_a_bound_and_begins_anew_with_the_next_message():
    held = Pending()
    held.add([message(0, b"a"), message(1, b"a")])
    pauses = [held.fail(message(0, b"a"), now=0.0) for _ in range(10)]
    assert pauses[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert pauses[-1] == LONGEST
    held.decide(message(0, b"a"))
    assert held.fail(message(1, b"a"), now=0.0) == FIRST


def test_nothing_is_committed_before_anything_was_read():
    assert Pending().commit == -1


@given(st.data())
def test_what_is_committed_leaves_nothing_unsettled_behind_and_every_key_keeps_its_order(data: st.DataObject):
    gaps = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=30))
    keys = [data.draw(st.sampled_from([b"a", b"b", None])) for _ in gaps]
    offsets = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    held, settled, order = Pending(), set[int](), dict[object, list[int]]()
    held.add([message(offset, key) for offset, key in zip(offsets, keys, strict=True)])
    decided = list[Message]()
    while len(held):
        heads = [*held.fresh(), *held.due(1e9)]
        choices = [("decide", each) for each in heads] + [("settle", each) for each in decided]
        what, which = data.draw(st.sampled_from(choices))
        if what == "settle":
            held.settle(which.offset)
            settled.add(which.offset)
            decided.remove(which)
        elif data.draw(st.booleans()):
            held.fail(which, 0.0)
        else:
            held.decide(which)
            decided.append(which)
            order.setdefault(which.key, []).append(which.offset)
        rest = [offset for offset in offsets if offset not in settled]
        assert held.commit == (rest[0] if rest else offsets[-1] + 1)
    for key in (b"a", b"b"):
        assert order.get(key, []) == sorted(order.get(key, []))
