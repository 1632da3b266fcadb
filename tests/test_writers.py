"""The threads that write: everybody gets their own answer, whatever happens to those beside them in a batch."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Conflict, Rejected
from domain.lead import CaptureLead
from domain.lead.profile import AssignLead
from domain.recorded import Request
from infra.application.app import App, opened
from infra.application.writers import Writers
from infra.settings import Settings


@pytest.fixture
def app(log_url: str, tmp_path: Path) -> Iterator[App]:
    with opened(Settings(db=log_url, key_file=str(tmp_path / "key"))) as installation:
        yield installation


def lead(name: str, source: Any = "web", **more: Any) -> Request:
    return Request(stream=name, command=CaptureLead(source), actor="ann", **more)


def outcomes(app: App, requests: list[Request]) -> list[Any]:
    """What became of requests that all wait at the same time."""

    async def ask() -> list[Any]:
        writers = Writers(app)
        try:
            return await asyncio.gather(*map(writers.execute, requests), return_exceptions=True)
        finally:
            await asyncio.to_thread(writers.close)

    return asyncio.run(ask())


def test_each_gets_its_own_receipt_and_its_own_refusal(app: App) -> None:
    first = [lead(f"lead-{n}") for n in range(60)]
    receipts = outcomes(app, first)
    assert [receipt.stream for receipt in receipts] == [request.stream for request in first]
    assert len({receipt.position for receipt in receipts}) == 60
    mixed = [lead("lead-0", "fair"), lead("lead-60"), lead("lead-1", expected_version=7)]
    refused, done, moved = outcomes(app, mixed)
    assert isinstance(refused, Rejected)
    assert done.types == ("lead-captured",)
    assert isinstance(moved, Conflict)


def test_a_request_that_breaks_a_batch_breaks_alone(app: App) -> None:
    requests = [lead(f"lead-{n}") for n in range(30)]
    requests[7] = Request(stream="lead-7", command=CaptureLead("web", company=object()), actor="ann")  # type: ignore[arg-type]
    answers = outcomes(app, requests)
    assert [type(answer).__name__ for answer in answers].count("Receipt") == 29
    assert not isinstance(answers[7], tuple)
    assert len([fact for fact in app.log.recorded(0, 100) if fact.stream.startswith("lead-")]) == 29


def test_those_of_one_stream_happen_in_their_order(app: App) -> None:
    app.execute(lead("lead-1"))
    requests = [Request(stream="lead-1", command=AssignLead(f"o{n}"), actor="ann") for n in range(100)]
    receipts = outcomes(app, requests)
    assert [receipt.facts[0][1] for receipt in receipts] == list(range(2, 102))


def test_who_gives_up_waiting_undoes_nothing(app: App) -> None:
    async def ask() -> None:
        writers = Writers(app)
        waiting = asyncio.ensure_future(writers.execute(lead("lead-1")))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.to_thread(writers.close)

    asyncio.run(ask())
    assert app.log.histories(["lead-1"])
