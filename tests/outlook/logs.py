"""Logs to cut: random ones with late facts, imported ones and such as come afterwards, and deals told by hand."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

from hypothesis import strategies as st

from domain.money import Money
from domain.opportunity import OpportunityOpened
from domain.opportunity.progress import StageChanged
from domain.recorded import Fact
from projections.query.references import References
from projections.query.stages import Stage
from projections.query.teams import Membership, Teams
from projections.rows.calendars import Calendar
from projections.rows.rates import Rate, Rates
from projections.versions import DAY, END
from tests.projections.histories import DEALS, SCALES, Scale, correction, event, histories, spread

RATES = Rates([Rate("EUR", "USD", "2024-01-01", "1.25"), Rate("JPY", "USD", "2024-02-29", "0.01")])
TEAMS = Teams(
    [
        Membership("ann", "team-n", 0, END),
        Membership("bob", "team-s", 0, 19_800 * DAY),
        Membership("bob", "team-n", 19_800 * DAY, END),
    ]
)
STAGES = tuple(
    Stage(process, version, stage, stage, place, "open", 1000 * place, "commit" if stage == "c" else "pipeline")
    for process in ("process-p", "process-q")
    for version in (1, 2, 3)
    for place, stage in enumerate("abc")
)
REFERENCES = References(STAGES, TEAMS, RATES, calendar=Calendar("America/New_York"))


def of_deals(log: Sequence[Fact]) -> list[list[Fact]]:
    """The facts of each deal, in order of version."""
    ordered = sorted((fact for fact in log if fact.stream in DEALS), key=lambda fact: (fact.stream, fact.version))
    return [[*facts] for _, facts in groupby(ordered, lambda fact: fact.stream)]


@st.composite
def recorded(draw: st.DrawFn) -> tuple[list[Fact], Scale]:
    """A history on real days, of which each fact was recorded at once, later, or imported as history."""
    scale = draw(SCALES)
    log = [fact for fact in spread(draw(histories()), scale) if fact.stream in DEALS]
    late = [draw(st.sampled_from([0, 0, 0, 1, 9, 90])) * DAY for _ in log]
    return [fact._replace(available=fact.occurred_at + by) for fact, by in zip(log, late, strict=True)], scale


def poisoned(draw: st.DrawFn, log: Sequence[Fact], after: int, scale: Scale) -> list[Fact]:
    """The history with facts that became available after an instant, of any time: late, back-dated, corrections."""
    log = list(log)
    for position in range(1_000_001, 1_000_001 + draw(st.integers(1, 6))):
        stream = draw(st.sampled_from(DEALS))
        earlier = [fact for fact in log if fact.stream == stream]
        if earlier and draw(st.booleans()):
            fact = correction(draw, position, earlier)
        else:
            happened = event(draw, stream, earlier)
            tag = str(happened.__struct_config__.tag)
            fact = Fact(position, stream, len(earlier) + 1, tag, draw(st.integers(0, 6)), happened)
        when = fact.occurred_at if fact.occurred_at > 6 else scale[fact.occurred_at + 1]
        log.append(fact._replace(occurred_at=when, available=after + draw(st.integers(1, 99)) * DAY))
    return log


def earliest(log: Sequence[Fact]) -> int:
    """The instant before anything was available."""
    return min((fact.available for fact in log), default=0)


def latest(log: Sequence[Fact]) -> int:
    """The instant at which all was."""
    return max((fact.available for fact in log), default=0)


FIRST = 19_723  # the first of January 2024
NOON = DAY // 2 + 5 * DAY // 24  # in New York


def usd(units: int) -> Money:
    return Money(Decimal(units), "USD")


def opening(stage: str = "a", amount: int = 100, owner: str = "ann", **others: Any) -> OpportunityOpened:
    return OpportunityOpened("process-p", 1, stage, usd(amount), owner=owner, **others)


def to(stage: str) -> StageChanged:
    return StageChanged("?", stage, 1, "forward")


def deal(*events: tuple[Any, float] | tuple[Any, float, float], stream: str = "opportunity-s") -> list[Fact]:
    """Facts of a deal from (event, day after the first on which it happened, and on which it was recorded if later)."""
    made = list[Fact]()
    for version, (happened, day, *recorded) in enumerate(events, 1):
        when = (FIRST + day) * DAY + NOON
        known_since = (FIRST + recorded[0]) * DAY + NOON if recorded else when
        tag = str(happened.__struct_config__.tag)
        made.append(Fact(version, stream, version, tag, int(when), happened, available=int(known_since)))
    return made
