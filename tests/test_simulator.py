"""The simulator writes a believable history, and the same one for the same seed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from domain.correction import FactCorrected
from domain.errors import Malformed, Rejected
from domain.recorded import Fact, Recorded
from infra.application.app import App, opened
from infra.application.digests import content_digest
from infra.application.moments import day_end
from infra.application.simulator import Plan, SimulatedClock, simulate
from infra.settings import Settings
from tests.offenders import every

SINCE, UNTIL = datetime(2025, 7, 1, tzinfo=UTC), day_end(date(2026, 6, 30))


@contextmanager
def simulated(url: str, opportunities: int, seed: int = 1) -> Iterator[App]:
    """A log that was empty, with what was simulated in it."""
    plan = Plan(opportunities, SINCE, UNTIL, seed)
    clock = SimulatedClock(plan)
    with opened(Settings(db=url), clock) as app:
        simulate(app.dispatcher(cached=True), plan, lambda _: None, clock)
        yield app


@pytest.fixture
def url(log_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty log, once on each database, whose key stays here."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return log_url


def own(stream: str) -> bool:
    """Not what ships with every new log, which happens when it happens."""
    return stream not in ("process-standard", "framework-bant")


def recorded(app: App) -> list[Recorded]:
    return app.log.recorded(0, 100_000)


def test_the_same_seed_gives_the_same_facts_and_another_seed_others(url: str, tmp_path: Path) -> None:
    digests = list[bytes | str]()
    for place, seed in ((url, 1), (f"sqlite:///{tmp_path / 'same.db'}", 1), (f"sqlite:///{tmp_path / 'other.db'}", 2)):
        with simulated(place, 60, seed) as app:
            digests.append(content_digest(app.log, app.vault, app.log.head()))
    assert digests[0] == digests[1] != digests[2]


def test_a_log_that_is_not_empty_is_given_the_same_facts_recorded_now(url: str, tmp_path: Path) -> None:
    before = datetime.now(UTC) - timedelta(minutes=5)  # the clock of a server may differ
    with opened(Settings(db=url)) as app:
        dispatcher = app.dispatcher(cached=True)
        simulate(dispatcher, Plan(60, SINCE, UNTIL, 1), lambda _: None)
        late = content_digest(app.log, app.vault, app.log.head(), own)
        assert min(event.recorded_at for event in recorded(app)) > before
    with simulated(f"sqlite:///{tmp_path / 'other.db'}", 60) as app:
        assert content_digest(app.log, app.vault, app.log.head(), own) == late


def test_an_empty_log_records_each_simulated_day_at_its_end(url: str) -> None:
    with simulated(url, 60) as app:
        events = recorded(app)
        days = {event.recorded_at for event in events}
        assert days == {day_end(moment.date()) for moment in days}
        assert (min(days), max(days)) == (day_end(SINCE.date()), UNTIL)
        assert len(days) > 300
        assert all(event.occurred_at <= event.recorded_at for event in events)
        for day in (date(2025, 9, 30), date(2026, 3, 31)):
            position = app.log.position_at(day_end(day).timestamp().__trunc__() * 1_000_000 + 999_999)
            assert [e.recorded_at.date() <= day for e in events] == [e.position <= position for e in events]


@pytest.mark.slow
def test_what_was_believed_of_a_quarter_differs_from_what_is_known_of_it_later(url: str) -> None:
    with simulated(url, 1_000) as app:
        figures = [
            app.ask("win-rate", {"since": "2026-01-01", "until": "2026-03-31", "effective_at": "2026-03-31"} | known)
            for known in ({"known_at": "2026-03-31"}, {"known_at": "2026-06-30"}, {})
        ]
        believed, later, now = (figure.records[0] for figure in figures)
        assert believed.won_amount != later.won_amount
        assert later == now


@pytest.mark.slow
def test_wins_that_were_written_down_wrongly_are_corrected_days_later(tmp_path: Path) -> None:
    with simulated(f"sqlite:///{tmp_path / 'log.db'}", 600) as app:
        facts = {(event.stream, event.version): event for event in recorded(app)}
    corrections = [(fact, fact.event) for fact in facts.values() if isinstance(fact.event, FactCorrected)]
    assert len(corrections) > 10
    moved = repriced = 0
    for fact, correction in corrections:
        wrong = facts[fact.stream, correction.corrects]
        assert timedelta(9) < fact.recorded_at - wrong.recorded_at < timedelta(62)
        moved += fact.occurred_at > wrong.occurred_at
        repriced += getattr(correction.replacement, "amount", None) != getattr(wrong.event, "amount", None)
    assert moved and repriced and moved + repriced == len(corrections)


def test_a_seed_is_simulated_once_in_a_log(url: str) -> None:
    with simulated(url, 5):
        pass
    with opened(Settings(db=url, confirm_clock=True)) as app:
        with pytest.raises(Rejected, match="seed: 1 was simulated in this log before"):
            simulate(app.dispatcher(cached=True), Plan(5, SINCE, UNTIL, 1), lambda _: None)
        assert simulate(app.dispatcher(cached=True), Plan(5, SINCE, UNTIL, 2), lambda _: None) > 0


@pytest.mark.slow
def test_all_that_happens_to_deals_happens_here(tmp_path: Path) -> None:
    with simulated(f"sqlite:///{tmp_path / 'log.db'}", 600) as app:
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
    assert 0.04 < back_dated(facts) < 0.06


def back_dated(facts: list[Fact]) -> float:
    """The share of the facts that were recorded after one that happened later."""
    latest, late = 0, 0
    for fact in facts:
        if fact.stream.startswith(("lead-", "opportunity-")):
            late += fact.occurred_at < latest
            latest = max(latest, fact.occurred_at)
    return late / len(facts)


@every(
    ("plan", "said"),
    [
        ((0, SINCE, UNTIL, 1), "opportunities: 0"),
        ((1, UNTIL, SINCE, 1), "until: 2025-07-01 is not after"),
        ((1, SINCE, datetime(2999, 1, 1, tzinfo=UTC), 1), "is in the future"),
        ((1, datetime(1969, 1, 1, tzinfo=UTC), UNTIL, 1), "since: 1969-01-01 is before 1970"),
    ],
)
def test_a_plan_that_makes_no_sense_is_refused(plan: tuple[int, datetime, datetime, int], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        Plan(*plan)
