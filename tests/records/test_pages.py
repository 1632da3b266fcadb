"""Pages of a list: each goes on where the one before ended, and all are of one moment, whatever is appended."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from projections.records import KINDS
from tests.records.office import Office

BUSY = 2  # times that something happens between two pages of a list
LISTS: list[tuple[str, dict[str, Any]]] = [
    ("opportunity", {}),
    ("opportunity", {"sort": "-amount"}),
    ("opportunity", {"sort": "amount", "convert_to": "EUR"}),
    ("opportunity", {"status": "any", "sort": "-closed_at"}),
    ("opportunity", {"status": ("won", "open", "deleted"), "sort": "account"}),
    ("opportunity", {"owner": ("ann", "bob", "")}),
    ("opportunity", {"due_until": "2026-07-31"}),
    ("opportunity", {"status": "any", "effective_at": "2026-05-21"}),
    ("lead", {}),
    ("lead", {"sort": "company"}),
    ("lead", {"status": ("new", "converted"), "sort": "-status_since"}),
    ("rate", {"sort": "day"}),
    ("rate", {"sort": "-base"}),
    ("quota", {}),
    ("team", {"sort": "-name"}),
    ("process", {}),
]


def test_pages_join_to_the_whole_and_stay_so_while_facts_are_appended(office: Office) -> None:
    for kind, texts in LISTS:
        turns = iter((office.busy,) * BUSY)
        whole = office.listed(kind, limit="500", **texts)
        assert not whole.next and len(whole.records) > 1, (kind, texts)
        assert office.pages(kind, partial(do_next, turns), limit="2", **texts) == [
            *office.listed(kind, known_at=str(whole.known_at), limit="500",
                         **{"effective_at": moment(whole.effective_at), **texts}).records
        ], (kind, texts)  # fmt: skip


def do_next(turns: Iterator[Callable[[], None]]) -> None:
    next(turns, int)()


def moment(microseconds: int) -> str:
    from domain.recorded import instant

    return instant(microseconds).isoformat()


def test_every_page_says_the_same_of_the_whole(office: Office) -> None:
    first = office.listed("opportunity", limit="2")
    office.busy()
    second = office.listed("opportunity", limit="2", cursor=first.next)
    assert (second.known_at, second.effective_at, second.count) == (first.known_at, first.effective_at, first.count)
    assert second.totals == first.totals
    assert office.listed("opportunity").known_at > first.known_at


def test_a_list_has_no_next_page_after_its_last_record(office: Office) -> None:
    for kind in KINDS:
        count = len(office.listed(kind).records)
        if count:
            assert office.listed(kind, limit=str(count)).next == ""
        if count > 1:
            assert office.listed(kind, limit=str(count - 1)).next != ""
