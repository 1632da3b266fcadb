"""What a log promises, on every database."""

from collections.abc import Callable, Iterator
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import Conflict, Malformed, Unavailable
from domain.recorded import Source, instant
from infra.store import Log, open_log
from infra.store.log import Answer, Append, Appended, Draft
from infra.store.postgres import PostgresLog
from infra.store.sqlite import SqliteLog
from tests.offenders import every
from tests.store.drafts import NOON, added, drafted

ANSWER = Answer(b"digest", (("lead-1", 1), ("lead-1", 2)))


@pytest.fixture
def clocked(log_url: str) -> Iterator[Callable[[list[int]], Log]]:
    """Opens the log with a clock that shows the given instants, one for each look."""
    opened: list[Log] = []

    def open_with(times: list[int]) -> Log:
        clock = iter(times).__next__
        sqlite = log_url.startswith("sqlite")
        log = SqliteLog(log_url.removeprefix("sqlite:///"), clock) if sqlite else PostgresLog(log_url, clock)
        opened.append(log)
        return log

    yield open_with
    for log in opened:
        log.close()


def test_an_append_to_several_streams_is_stored_in_its_order(log: Log) -> None:
    drafts = [drafted("lead-b", 1), drafted("lead-a", 1), drafted("lead-b", 2)]
    positions = list(log.append(Append(drafts)).positions)
    assert positions == sorted(positions)
    assert [(fact.position, fact.stream, fact.version) for fact in log.page(0, 10)] == list(
        zip(positions, ["lead-b", "lead-a", "lead-b"], [1, 1, 2], strict=True)
    )


def test_a_fact_is_available_when_recorded_and_history_when_it_happened(
    clocked: Callable[[list[int]], Log],
) -> None:
    log = clocked([NOON + 500])
    log.append(Append([drafted("lead-1", 1), drafted("lead-1", 2, source_system="x", history="true")]))
    expected = [NOON + 500, NOON + 2]
    assert [fact.available for fact in log.page(0, 10)] == expected
    assert [fact.available for fact in log.tolerant().facts(["lead-1"], 10)["lead-1"]] == expected
    assert [fact.available for facts in log.scan(2) for fact in facts] == expected


def test_the_streams_of_one_kind_are_read_whole_and_in_order(log: Log) -> None:
    drafts = [drafted("lead-b", 1), drafted("lead-a", 1), drafted("leader-a", 1), drafted("lead-b", 2)]
    last = log.append(Append(drafts)).positions[-1]
    read = [[(fact.stream, fact.version) for fact in facts] for facts in log.scan_kind("lead", last)]
    assert read == [[("lead-a", 1)], [("lead-b", 1), ("lead-b", 2)]]
    assert [len(facts) for facts in log.scan_kind("lead", last - 1)] == [1, 1]


def test_the_streams_of_one_kind_that_changed_between_positions_are_named_once_and_in_order(log: Log) -> None:
    drafts = [drafted("lead-b", 1), drafted("lead-a", 1), drafted("leader-a", 1), drafted("lead-b", 2)]
    first, *_, last = log.append(Append(drafts)).positions
    assert log.changed("lead", first - 1, last) == ["lead-a", "lead-b"]
    assert log.changed("lead", first, last - 1) == ["lead-a"]
    assert log.changed("lead", last, last) == []


def test_an_append_that_fails_in_one_stream_leaves_nothing_in_the_others(log: Log) -> None:
    added(log, "lead-1", 1)
    refused = Append(
        [drafted("lead-2", 1), drafted("lead-1", 1)], answers={("ann", "c"): ANSWER}, keys={"lead-2": b"key"}
    )
    with pytest.raises(Conflict) as conflict:
        log.append(refused)
    assert (conflict.value.stream, conflict.value.expected, conflict.value.actual) == ("lead-1", 0, 1)
    assert len(log.page(0, 10)) == 1
    assert not log.answers([("ann", "c")])
    assert not log.keys(["lead-2"])


@pytest.mark.parametrize("version", [1, 2, 4, 9])
def test_a_version_that_does_not_follow_the_last_one_is_a_conflict(log: Log, version: int) -> None:
    added(log, "lead-1", 1, 2)
    with pytest.raises(Conflict, match="lead-1 is at version 2"):
        log.append(Append([drafted("lead-1", version)]))


def test_versions_with_a_hole_in_one_append_are_a_bug(log: Log) -> None:
    with pytest.raises(ValueError, match="version 3 of lead-1 follows version 1"):
        log.append(Append([drafted("lead-1", 1), drafted("lead-1", 3)]))


@pytest.mark.parametrize("read", [0, 1, 3])
def test_a_stream_that_was_only_read_must_not_have_moved(log: Log, read: int) -> None:
    added(log, "process-1", 1, 2)
    with pytest.raises(Conflict, match="process-1 is at version 2"):
        log.append(Append([drafted("lead-1", 1)], reads={"process-1": read}))
    assert log.append(Append([drafted("lead-1", 1)], reads={"process-1": 2, "lead-9": 0})).positions


def test_a_stream_that_is_read_and_written_must_agree_with_itself(log: Log) -> None:
    added(log, "lead-1", 1)
    with pytest.raises(Conflict, match="lead-1"):
        log.append(Append([drafted("lead-1", 2)], reads={"lead-1": 0}))
    assert log.append(Append([drafted("lead-1", 2)], reads={"lead-1": 1})).positions


def test_an_answer_is_kept_by_actor_and_command_also_without_events(log: Log) -> None:
    assert list(log.append(Append((), answers={("ann", "c1"): ANSWER})).positions) == []
    added(log, "lead-1", 1, answers={("bob", "c1"): Answer(b"\0\xff", ())})
    assert log.answers([("ann", "c1"), ("bob", "c1"), ("eve", "c1"), ("ann", "c2")]) == {
        ("ann", "c1"): ANSWER,
        ("bob", "c1"): Answer(b"\0\xff", ()),
    }
    assert log.answers([]) == {}


def test_the_second_to_answer_a_command_gets_a_conflict_and_appends_nothing(log: Log) -> None:
    added(log, "lead-1", 1, answers={("ann", "c1"): ANSWER})
    with pytest.raises(Conflict, match="the answer to command c1"):
        added(log, "lead-2", 1, answers={("ann", "c1"): ANSWER})
    assert [fact.stream for fact in log.page(0, 10)] == ["lead-1"]


def test_a_subject_gets_one_key(log: Log) -> None:
    log.append(Append([drafted("lead-1", 1)], keys={"lead-1": b"\0first", "lead-2": b"other"}))
    with pytest.raises(Conflict, match="the key of lead-1"):
        log.append(Append([drafted("lead-1", 2)], keys={"lead-1": b"second"}))
    assert log.keys(["lead-1", "lead-2", "lead-3"]) == {"lead-1": b"\0first", "lead-2": b"other"}


def test_the_envelope_comes_back_as_it_went_in(log: Log) -> None:
    draft = drafted(
        "lead-é", 1, occurred_at=-1, actor="ann", on_behalf_of="bob", reason='says "no"\\n', command_id="c",
        correlation_id="conversation", causation_id="cause", source_system="crm", source_id="7", batch="b",
    )  # fmt: skip
    appended = log.append(Append([draft, drafted("lead-2", 1)]))
    first, second = log.recorded(0, 10)
    assert isinstance(first.event_id, UUID)
    assert first.event_id == draft.event_id
    assert (first.stream, first.version, first.position) == ("lead-é", 1, appended.positions[0])
    assert (first.occurred_at, first.recorded_at) == (instant(-1), instant(appended.recorded_at))
    assert (first.actor, first.on_behalf_of, first.reason) == ("ann", "bob", 'says "no"\\n')
    assert (first.command_id, first.correlation_id, first.causation_id) == ("c", "conversation", "cause")
    assert (first.source, second.source) == (Source("crm", "7", "b"), None)
    assert log.histories(["lead-é", "lead-3"]) == {"lead-é": [first]}


def test_histories_and_facts_keep_streams_apart_and_versions_in_order(log: Log) -> None:
    for version in (1, 2, 3):
        log.append(Append([drafted("lead-2", version), drafted("lead-1", version)]))
    histories = log.histories(["lead-1", "lead-2", "lead-9"])
    assert {stream: [past.version for past in found] for stream, found in histories.items()} == {
        "lead-1": [1, 2, 3],
        "lead-2": [1, 2, 3],
    }
    upto = log.histories(["lead-1"])["lead-1"][1].position
    facts = log.facts(["lead-1", "lead-2"], upto)
    assert {stream: [fact.version for fact in found] for stream, found in facts.items()} == {
        "lead-1": [1, 2],
        "lead-2": [1, 2],
    }
    assert all(fact.corrects == 0 and fact.occurred_at == NOON + fact.version for fact in facts["lead-1"])


def test_pages_follow_one_another_without_a_hole(log: Log) -> None:
    added(log, "lead-1", *range(1, 26))
    seen: list[int] = []
    while page := log.page(seen[-1] if seen else 0, 10):
        seen += [fact.position for fact in page]
    assert [fact.version for fact in log.facts(["lead-1"], log.head())["lead-1"]] == list(range(1, 26))
    assert len(seen) == 25
    assert seen == sorted(set(seen))


def test_an_empty_log_has_a_head_of_nothing(log: Log) -> None:
    assert (log.head(), log.position_at(NOON * 2), log.page(0, 5), log.recorded(0, 5)) == (0, 0, [], [])
    assert list(log.scan(0)) == []
    assert list(log.scan(0, 1, 3)) == []
    assert log.histories([]) == {}


def test_a_clock_that_goes_backwards_does_not_make_history_go_backwards(clocked: Callable[[list[int]], Log]) -> None:
    log = clocked([NOON, NOON - 5_000_000, NOON + 7])
    stamps = [log.append(Append([drafted("lead-1", version)])).recorded_at for version in (1, 2, 3)]
    assert stamps == [NOON, NOON, NOON + 7]
    assert [past.recorded_at for past in log.recorded(0, 9)] == [instant(stamp) for stamp in stamps]


def test_the_position_at_an_instant_is_the_last_one_recorded_until_then(clocked: Callable[[list[int]], Log]) -> None:
    times = [NOON + 10 * (step // 3) for step in range(20)]
    log = clocked(times)
    positions = [added(log, "lead-1", step)[0] for step in range(1, 21)]
    for moment in range(NOON - 5, NOON + 90):
        expected = [place for place, time in zip(positions, times, strict=True) if time <= moment]
        assert log.position_at(moment) == (expected[-1] if expected else 0)


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
def test_the_shards_of_a_scan_cover_every_stream_once_and_whole(log: Log, shards: int) -> None:
    drafts = [drafted(f"lead-{stream:03}", version) for version in (1, 2, 3) for stream in range(100)]
    log.append(Append(drafts))
    upto = log.head()
    added(log, "lead-000", 4)
    added(log, "lead-new", 1)
    parts = [list(log.scan(upto, shard, shards)) for shard in range(shards)]
    found = [facts for part in parts for facts in part]
    assert all({fact.stream for fact in facts} == {facts[0].stream} for facts in found)
    assert sorted(facts[0].stream for facts in found) == [f"lead-{stream:03}" for stream in range(100)]
    assert all([fact.version for fact in facts] == [1, 2, 3] for facts in found)
    assert max(map(len, parts)) <= 1.5 * 100 / shards + 2


def test_shards_are_even_where_names_begin_alike(log: Log) -> None:
    names = [f"opportunity-0190{stream:08x}" for stream in range(400)]
    log.append(Append([drafted(name, 1) for name in names] + [drafted("aaa", 1), drafted("zzz", 1)]))
    sizes = [len(list(log.scan(log.head(), shard, 4))) for shard in range(4)]
    assert max(sizes) < 1.25 * min(sizes)


def test_text_that_databases_keep_differently_is_refused(log: Log) -> None:
    for text in ("a\0b", "\ud800"):
        with pytest.raises(Malformed):
            log.append(Append([drafted("lead-1", 1, reason=text)]))
        with pytest.raises(Malformed):
            log.append(Append((), keys={text: b"key"}))
    assert log.head() == 0


def test_streams_are_ordered_bytewise(log: Log) -> None:
    names = ["lead-Z", "lead-a", "lead-é", "lead-B", "lead-\U0001f600", "lead-\uffff"]
    log.append(Append([drafted(name, 1) for name in names]))
    assert [facts[0].stream for facts in log.scan(log.head())] == sorted(names)


def test_several_thousand_drafts_are_one_append(log: Log) -> None:
    drafts = [drafted(f"lead-{stream}", version) for stream in range(1000) for version in (1, 2, 3)]
    positions = list(log.append(Append(drafts)).positions)
    assert positions == sorted(set(positions))
    assert [(fact.stream, fact.version) for fact in log.page(0, 5000)] == [(d.stream, d.version) for d in drafts]
    with pytest.raises(Conflict):
        log.append(Append([drafted("lead-new", 1), *drafts]))


def test_a_log_is_there_again_when_it_is_opened_again(log: Log, log_url: str) -> None:
    added(log, "lead-1", 1, 2)
    again = open_log(log_url)
    assert added(again, "lead-1", 3) > [log.page(0, 2)[-1].position]
    assert again.recorded(0, 10) == log.recorded(0, 10)
    again.close()


@every("url", ["", "log.db", "sqlite://", "sqlite:///", "mysql://u:secret@h/d", "postgresql://h/d?nonsense=1"])
def test_another_kind_of_url_is_malformed_and_its_password_stays_secret(url: str) -> None:
    with pytest.raises(Malformed) as refused:
        open_log(url)
    assert "secret" not in str(refused.value)


@every("url", ["sqlite:////nowhere/at/all.db", "postgresql://u:secret@127.0.0.1:1/d"])
def test_what_cannot_be_opened_is_unavailable(url: str) -> None:
    with pytest.raises(Unavailable) as refused:
        open_log(url)
    assert "secret" not in str(refused.value)


def test_a_file_that_is_no_database_is_unavailable(sqlite_url: str) -> None:
    with open(sqlite_url.removeprefix("sqlite:///"), "w") as file:  # noqa: PTH123
        file.write("a quarterly report, not a database" * 100)
    with pytest.raises(Unavailable):
        open_log(sqlite_url)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.integers(1, 3)), max_size=12), st.integers())
def test_whatever_is_tried_versions_stay_contiguous(log: Log, tried: list[tuple[str, int, int]], example: int) -> None:
    kept: dict[str, int] = {}
    for name, expected, size in tried:
        stream = f"lead-{example}-{name}-{id(tried)}"
        drafts: list[Draft] = [drafted(stream, expected + step) for step in range(1, size + 1)]
        if expected == kept.get(stream, 0):
            log.append(Append(drafts))
            kept[stream] = expected + size
        else:
            with pytest.raises(Conflict):
                log.append(Append(drafts))
    histories = log.histories(list(kept))
    assert {stream: [past.version for past in found] for stream, found in histories.items()} == {
        stream: list(range(1, version + 1)) for stream, version in kept.items()
    }


def test_several_appends_have_an_outcome_each_and_one_that_conflicts_leaves_the_others(log: Log) -> None:
    added(log, "lead-1", 1)
    appends = [Append([drafted(stream, 1)]) for stream in ("lead-2", "lead-1", "lead-3")]
    appends.append(Append([drafted("lead-3", 2)]))  # each sees those before it
    first, refused, *others = log.append_all(appends)
    assert isinstance(refused, Conflict) and (refused.stream, refused.actual) == ("lead-1", 1)
    assert isinstance(first, Appended) and all(isinstance(other, Appended) for other in others)
    assert {stream: len(found) for stream, found in log.facts(["lead-1", "lead-2", "lead-3"], 99).items()} == {
        "lead-1": 1,
        "lead-2": 1,
        "lead-3": 2,
    }
    assert log.append_all([]) == []


def test_what_came_to_streams_after_a_version_is_found_by_stream(log: Log) -> None:
    for stream in ("lead-1", "lead-2", "lead-3"):
        added(log, stream, 1, 2, 3)
    found = log.facts_after({"lead-1": 1, "lead-2": 3, "lead-3": 0, "lead-4": 0})
    assert {stream: [fact.version for fact in facts] for stream, facts in found.items()} == {
        "lead-1": [2, 3],
        "lead-3": [1, 2, 3],
    }
    assert log.facts_after({}) == {}


def test_the_mark_of_history_comes_back_as_it_went_in(log: Log) -> None:
    log.append(Append([drafted("lead-1", 1, source_system="crm", source_id="7", history="true"), drafted("lead-2", 1)]))
    log.append(Append([drafted("lead-3", 1, source_system="crm", source_id="8", batch="b")]))
    sources = [event.source for event in log.recorded(0, 10)]
    assert sources == [Source("crm", "7", history=True), None, Source("crm", "8", "b")]
    assert log.batches("crm") == ["", "b"]
    assert log.batches("another") == []
