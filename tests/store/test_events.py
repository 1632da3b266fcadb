"""Events are found by any part of their envelope, in order, page by page, and no page is lost between two others."""

from itertools import pairwise
from typing import Any

import pytest

from infra.store import Log, reading
from infra.store.log import Append, Page, Wanted
from infra.store.postgres import PostgresLog
from infra.store.reading import Reader
from infra.store.sqlite import SqliteLog
from tests.offenders import every
from tests.store.drafts import NOON, added, drafted


@pytest.fixture
def told(log: Log) -> Log:
    """Three leads told by two people: (stream, version) in order 1.1 2.1 1.2 3.1 2.2 1.3."""
    for stream, version, envelope in (
        ("lead-1", 1, {"correlation_id": "talk-1"}),
        ("lead-2", 1, {"actor": "bob", "occurred_at": NOON - 500}),
        ("lead-1", 2, {"actor": "bob", "correlation_id": "talk-1"}),
        ("lead-3", 1, {"occurred_at": NOON + 500}),
        ("lead-2", 2, {"actor": "Bob"}),
        ("lead-1", 3, {}),
    ):
        log.append(Append([drafted(stream, version, **envelope)]))
    return log


def names(page: Page) -> list[str]:
    return [f"{event.stream[5:]}.{event.version}" for event in page.events]


@every(
    ("wanted", "found"),
    [
        (Wanted(), "1.1 2.1 1.2 3.1 2.2 1.3"),
        (Wanted(types=["lead-captured"]), "1.1 2.1 3.1"),
        (Wanted(types=["lead-captured", "lead-assigned"]), "1.1 2.1 1.2 3.1 2.2 1.3"),
        (Wanted(types=["opportunity-won"]), ""),
        (Wanted(actors=["bob"]), "2.1 1.2"),
        (Wanted(actors=["bob", "Bob"]), "2.1 1.2 2.2"),
        (Wanted(streams=["lead-1"]), "1.1 1.2 1.3"),
        (Wanted(streams=["lead-3", "lead-2", "lead-9"]), "2.1 3.1 2.2"),
        (Wanted(correlation="talk-1"), "1.1 1.2"),
        (Wanted(since=NOON + 3), "3.1 1.3"),
        (Wanted(until=NOON + 1), "1.1 2.1"),
        (Wanted(since=NOON + 2, until=NOON + 2), "1.2 2.2"),
        (Wanted(["lead-assigned"], ["bob", "ann"], ["lead-1"], since=NOON), "1.2 1.3"),
    ],
)
def test_what_is_wanted_is_found_in_order(told: Log, wanted: Wanted, found: str):
    page = told.events(wanted, 0, 100)
    assert (" ".join(names(page)), page.reached, page.end) == (found, told.head(), True)


def test_the_time_of_recording_bounds_what_is_found(told: Log):
    recorded = [event.recorded_at for event in told.recorded(0, 10)]
    third = int(recorded[2].timestamp() * 1_000_000 + 0.5)
    early, late = told.events(Wanted(recorded_until=third), 0, 9), told.events(Wanted(recorded_since=third), 0, 9)
    assert names(early)[:3] == ["1.1", "2.1", "1.2"]
    assert names(late)[-4:] == ["1.2", "3.1", "2.2", "1.3"]
    assert names(told.events(Wanted(recorded_since=third, recorded_until=third), 0, 9))[0] in ("1.1", "2.1", "1.2")
    assert told.events(Wanted(recorded_until=1), 0, 9) == Page([], told.head(), True)
    assert told.events(Wanted(recorded_since=2**60), 0, 9) == Page([], told.head(), True)


@every("limit", [1, 2, 6])
@every("searched", [1, 4])
@every("wanted", [Wanted(), Wanted(actors=["bob"]), Wanted(streams=["lead-2"]), Wanted(["none"])])
def test_pages_follow_one_another_without_gap_or_repetition(
    told: Log, wanted: Wanted, limit: int, searched: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reading, "SEARCHED", searched)
    pages = [told.events(wanted, 0, limit)]
    while not pages[-1].end:
        assert len(pages[-1].events) <= limit
        pages.append(told.events(wanted, pages[-1].reached, limit))
    monkeypatch.setattr(reading, "SEARCHED", 100)
    assert [name for page in pages for name in names(page)] == names(told.events(wanted, 0, 100))
    assert all(one.reached < next_.reached or next_.end for one, next_ in pairwise(pages))


def test_a_page_after_the_end_is_empty_and_stays_there(told: Log):
    assert told.events(Wanted(), told.head() + 7, 9) == Page([], told.head() + 7, True)
    added(told, "lead-4", 1)
    assert names(told.events(Wanted(), told.head() - 1, 9)) == ["4.1"]


def test_what_is_stored_comes_whole_and_alike(told: Log):
    rows = list(told.stored(told.head() - 1))
    assert [(row[1], row[2], row[3]) for row in rows] == [
        (event.stream, event.version, event.position) for event in told.recorded(0, 5)
    ]
    assert all(isinstance(row.event_id, str) and isinstance(row.body, bytes) for row in rows)
    assert told.versions(["lead-1", "lead-3", "lead-9"], rows[1][3]) == {"lead-1": rows[1][2]}


# Plans


def plan(log: Reader, sql: str, *parameters: Any) -> str:
    """How the database would find the rows, in a log that is large enough to make it choose."""
    explain = "EXPLAIN QUERY PLAN " if isinstance(log, SqliteLog) else "EXPLAIN "
    return "\n".join(str(row[-1]) for row in log.rows(explain + sql, *parameters))


@pytest.fixture
def large(log: Log) -> Reader:
    """Four thousand events of a thousand leads."""
    for start in range(0, 1000, 250):
        leads = [f"lead-{number}" for number in range(start, start + 250)]
        log.append(Append([drafted(lead, version) for lead in leads for version in (1, 2, 3, 4)]))
    if isinstance(log, PostgresLog):
        with log._connection() as connection:  # pyright: ignore[reportPrivateUsage]
            connection.execute("ANALYZE stored_events")
    assert isinstance(log, Reader)
    return log


def test_a_timeline_and_its_moments_are_found_by_indexes_alone(large: Reader, monkeypatch: pytest.MonkeyPatch):
    asked = list[tuple[str, tuple[Any, ...]]]()
    rows = large.rows
    monkeypatch.setattr(large, "rows", lambda sql, *values: asked.append((sql, values)) or rows(sql, *values))
    assert len(large.histories(["lead-7"])["lead-7"]) == 4
    assert large.position_at(2**60) == large.head()
    assert len(large.events(Wanted(streams=["lead-7"]), 0, 10).events) == 4
    assert large.versions(["lead-7"], large.head()) == {"lead-7": 4}
    monkeypatch.setattr(large, "rows", rows)
    for sql, values in asked:
        found = plan(large, sql, *values)
        assert "Seq Scan" not in found, f"{sql}\n{found}"
        assert not any(line.startswith("SCAN stored_events") for line in found.splitlines()), f"{sql}\n{found}"


def test_a_page_is_found_by_its_positions(large: Reader):
    condition = f"notification_id > {large.mark} AND notification_id <= {large.mark} AND topic {large.among}"
    sql = f"SELECT state FROM stored_events WHERE {condition} ORDER BY notification_id LIMIT 10"
    found = plan(large, sql, 3000, 3100, large.members(["lead-assigned"]))
    assert "Index Scan" in found or "USING INTEGER PRIMARY KEY" in found
