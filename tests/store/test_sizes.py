"""An event is bounded as it is stored, below what a broker takes, and what is too large concerns nobody else."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from domain.errors import Malformed
from infra.kafka.envelope import headers, size
from infra.kafka.topics import MESSAGE
from infra.store import Log
from infra.store.log import Append, Draft
from infra.store.writing import LARGEST, refuse_oversized
from tests.store.drafts import drafted


def filled(draft: Draft, bound: int) -> Draft:
    """The same event, as large as the bound."""
    used = sum(len(text.encode()) for text in (draft.stream, draft.tag, *draft[6:]))
    return draft._replace(body=b'"' + b"x" * (bound - used - 2) + b'"')


@pytest.mark.parametrize("field", ["body", "reason", "source_id"])
def test_an_event_over_the_bound_is_refused_by_its_stream_and_size(log: Log, field: str) -> None:
    large = b"x" * LARGEST if field == "body" else "ä" * (LARGEST // 2)
    draft = drafted("lead-1", 1)._replace(**{field: large})
    with pytest.raises(Malformed, match=r"^lead-1: .* is \d+ bytes as stored; an event has 524288 at most"):
        log.append(Append([draft]))
    assert log.head() == 0


def test_the_largest_event_is_stored_and_fits_a_message(log: Log) -> None:
    draft = filled(drafted("lead-1", 1), LARGEST)
    refuse_oversized(draft)
    with pytest.raises(Malformed, match=str(LARGEST + 1)):
        refuse_oversized(filled(draft, LARGEST + 1))
    log.append(Append([draft]))
    (row,) = log.stored_after(0, 1)
    assert size(row[1].encode(), row[16], headers(row, b"/dealtrail", log.identity())) < MESSAGE


def test_an_event_over_the_bound_fails_none_that_are_written_beside_it(log: Log) -> None:
    together = threading.Barrier(8)

    def append(number: int) -> str:
        draft = drafted(f"lead-{number}", 1)
        together.wait(10)
        try:
            log.append(Append([draft._replace(body=b"x" * LARGEST) if number == 3 else draft]))
        except Malformed as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(append, range(8)))
    assert answers[3].startswith("lead-3: ")
    assert [answer for answer in answers if answer] == [answers[3]]
    assert {row[1] for row in log.stored_after(0, 10)} == {f"lead-{number}" for number in range(8)} - {"lead-3"}


@pytest.mark.parametrize("moment", [-62_135_647_200_000_000, 253_402_300_800_000_000])
def test_an_event_outside_the_calendar_is_refused_because_nobody_could_read_it(log: Log, moment: int) -> None:
    with pytest.raises(Malformed, match=r"lead-1: .* happened outside the years 1 to 9999"):
        log.append(Append([drafted("lead-1", 1)._replace(occurred_at=moment)]))
