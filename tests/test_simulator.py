"""The simulator writes a believable history, and the same one for the same seed."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.errors import Malformed, Rejected
from domain.recorded import Fact
from infra.application.app import App, opened
from infra.application.digests import content_digest
from infra.application.simulator import Plan, simulate
from infra.settings import Settings

SINCE, UNTIL = datetime(2025, 7, 1, tzinfo=UTC), datetime(2026, 6, 30, tzinfo=UTC)


@pytest.fixture
def app(log_url: str, tmp_path: Path) -> Iterator[App]:
    with opened(Settings(db=log_url, key_file=str(tmp_path / "key"))) as app:
        yield app


def simulated(app: App, opportunities: int, seed: int = 1) -> int:
    return simulate(app.dispatcher(cached=True), Plan(opportunities, SINCE, UNTIL, seed), lambda _: None)


def own(stream: str) -> bool:
    """Not what ships with every new log, which happens when it happens."""
    return stream not in ("process-standard", "framework-bant")


def test_the_same_seed_gives_the_same_facts_and_another_seed_others(app: App, tmp_path: Path) -> None:
    simulated(app, 60)
    digests = [content_digest(app.log, app.vault, app.log.head(), own)]
    for name, seed in (("same", 1), ("other", 2)):
        with opened(Settings(db=f"sqlite:///{tmp_path / name}.db")) as again:
            simulated(again, 60, seed)
            digests.append(content_digest(again.log, again.vault, again.log.head(), own))
    assert digests[0] == digests[1] != digests[2]


def test_a_seed_is_simulated_once_in_a_log(app: App) -> None:
    simulated(app, 5)
    with pytest.raises(Rejected, match="seed: 1 was simulated in this log before"):
        simulated(app, 5)
    assert simulated(app, 5, seed=2) > 0


def test_all_that_happens_to_deals_happens_here(tmp_path: Path) -> None:
    with opened(Settings(db=f"sqlite:///{tmp_path / 'log.db'}")) as app:
        simulated(app, 600)
        facts = app.log.page(0, 100_000)
    tags = Counter(fact.tag for fact in facts)
    assert tags["opportunity-opened"] == tags["lead-converted"]
    assert 540 <= tags["opportunity-opened"] <= 600  # those captured shortly before the end have not got there
    for tag in ("lead-disqualified", "opportunity-won", "opportunity-lost", "opportunity-reopened", "owner-changed"):
        assert tags[tag] > 0, tag
    assert tags["close-date-changed"] > 20
    assert tags["amount-changed"] > 20
    moves = [fact.event for fact in facts if fact.tag == "stage-changed"]
    assert {move.direction for move in moves} == {"forward", "back"}
    assert any(move.skipped for move in moves)
    assert 0.02 < back_dated(facts) < 0.04


def back_dated(facts: list[Fact]) -> float:
    """The share of the facts that were recorded after one that happened later."""
    latest, late = 0, 0
    for fact in facts:
        if fact.stream.startswith(("lead-", "opportunity-")):
            late += fact.occurred_at < latest
            latest = max(latest, fact.occurred_at)
    return late / len(facts)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        ((0, SINCE, UNTIL, 1), "opportunities: 0"),
        ((1, UNTIL, SINCE, 1), "until: 2025-07-01 is not after"),
        ((1, SINCE, datetime(2999, 1, 1, tzinfo=UTC), 1), "is in the future"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(plan: tuple[int, datetime, datetime, int], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        Plan(*plan)
