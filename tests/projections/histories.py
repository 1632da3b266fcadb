"""Random histories at the level of facts, and a log that holds just facts: late ones, ties, gaps, impossible orders."""

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from hypothesis import strategies as st

from domain.lead import (
    LeadAssigned,
    LeadCaptured,
    LeadContacted,
    LeadConverted,
    LeadDisqualified,
    LeadEnriched,
    LeadQualified,
    LeadReopened,
)
from domain.money import Money
from domain.opportunity import (
    ActivityCompleted,
    OpportunityLost,
    OpportunityOpened,
    OpportunityReopened,
    OpportunityWon,
    StageChanged,
)
from domain.process import ProcessPublished, Stage
from domain.recorded import Fact
from domain.terms import AccountChanged, AmountChanged, CloseDateChanged, OwnerChanged
from projections.question import Question
from projections.versions import END

PROCESSES, DEALS, LEADS = ("process-p", "process-q"), ("opportunity-s", "opportunity-t", "opportunity-u"), ("lead-l",)
STREAMS = (*DEALS, *DEALS, *DEALS, *PROCESSES, *LEADS)  # deals come more often
LONGEST = 22  # facts


class FactLog:
    """The reading half of a log, over facts in a list: what a projection needs of one, corrections included."""

    def __init__(self, facts: Sequence[Fact] = ()) -> None:
        self.all = list(facts)

    def head(self) -> int:
        return self.all[-1].position if self.all else 0

    def page(self, after: int, limit: int) -> list[Fact]:
        return [fact for fact in self.all if fact.position > after][:limit]

    def facts(self, streams: Sequence[str], upto: int) -> dict[str, list[Fact]]:
        known = [fact for fact in self.all if fact.position <= upto]
        return {stream: [fact for fact in known if fact.stream == stream] for stream in streams}

    def scan(self, upto: int, shard: int = 0, shards: int = 1) -> Iterator[list[Fact]]:
        ordered = sorted((fact for fact in self.all if fact.position <= upto), key=lambda f: (f.stream, f.version))
        yield from (list(facts) for _, facts in groupby(ordered, key=lambda fact: fact.stream))


STAGE_IDS = st.sampled_from("abc")
OWNERS, PRODUCTS = st.sampled_from(["", "ann", "bob"]), st.sampled_from(["", "x"])
SOURCES = st.sampled_from(["", "web"])
MONEY = st.builds(
    Money,
    st.integers(0, 900).map(lambda cents: Decimal(cents) / 100) | st.just(Decimal(10) ** 14 - 1),
    st.sampled_from(["EUR", "USD"]),
)
OPENING = st.builds(
    OpportunityOpened, st.sampled_from(PROCESSES), st.integers(1, 2), STAGE_IDS, MONEY,
    owner=OWNERS, product=PRODUCTS, source=SOURCES,
)  # fmt: skip
REASON = st.just("")
DEAL_EVENTS = st.one_of(
    st.builds(StageChanged, st.just("?"), STAGE_IDS, st.just(1), st.just("forward")),
    st.builds(StageChanged, st.just("?"), STAGE_IDS, st.just(1), st.just("forward")),
    st.builds(AmountChanged, MONEY, MONEY),
    st.builds(OwnerChanged, st.just("?"), OWNERS),
    st.builds(AccountChanged, st.just("?"), st.just("Acme")),
    st.builds(CloseDateChanged, st.none(), st.just(date(2024, 2, 29))),
    st.builds(ActivityCompleted, st.just("1"), st.just("call")),
    st.builds(OpportunityWon, MONEY),
    st.builds(OpportunityLost, st.just("price")),
    st.builds(OpportunityReopened, STAGE_IDS, REASON),
    OPENING,
)
CAPTURE = st.builds(LeadCaptured, SOURCES)
LEAD_EVENTS = st.one_of(
    st.builds(LeadAssigned, OWNERS), st.builds(LeadContacted, st.just("1"), st.just("call")),
    st.builds(LeadEnriched, st.sampled_from([None, "Acme"])), st.builds(LeadQualified, st.just("bant"), st.just(1)),
    st.builds(LeadDisqualified, st.just("no-need")), st.builds(LeadReopened, REASON),
    st.builds(LeadConverted, st.just("Acme"), st.just("opportunity-s")), CAPTURE,
)  # fmt: skip


@st.composite
def publications(draw: st.DrawFn) -> ProcessPublished:
    """A version with some of the stages, in any order."""
    opens = draw(st.permutations("abc"))[: draw(st.integers(1, 3))]
    chances = [Decimal(draw(st.integers(0, 10_000))) / 10_000 for _ in opens]
    name = draw(st.sampled_from(["One", "Two"]))
    stages = [
        Stage(stage, f"{stage} in {name}", order, "open", chance, "pipeline")
        for order, (stage, chance) in enumerate(zip(opens, chances, strict=True))
    ]
    won = Stage("won", "Won", 8, "won", Decimal(1), "closed")
    lost = Stage("lost", "Lost", 9, "lost", Decimal(0), "omitted")
    return ProcessPublished(draw(st.integers(1, 2)), name, (*stages, won, lost))


def event(draw: st.DrawFn, stream: str, version: int) -> Any:
    """An event of a stream's kind; the first usually begins it."""
    if stream in PROCESSES:
        return draw(publications())
    opening, later = (OPENING, DEAL_EVENTS) if stream in DEALS else (CAPTURE, LEAD_EVENTS)
    return draw(opening if version == 1 and draw(st.integers(0, 9)) else later)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Interleaved facts of a few streams at few instants, with gaps in their positions."""
    log: list[Fact] = []
    first = [Fact(1, stream, 1, "process-published", 0, draw(publications())) for stream in PROCESSES]
    log += (fact._replace(position=position) for position, fact in zip((1, 3), first, strict=True))
    for position in range(5, 5 + 2 * draw(st.integers(1, LONGEST)), 2):
        stream, when = draw(st.sampled_from(STREAMS)), draw(st.integers(0, 6))
        version = 1 + sum(fact.stream == stream for fact in log)
        happened = draw(event_of(stream, version))
        targets = [
            fact.version
            for fact in log
            if fact.stream == stream and type(fact.event) is type(happened) and not fact.corrects
        ]
        corrects = draw(st.sampled_from([0, 0, 0, *targets]))
        kept = None if corrects and draw(st.booleans()) else happened
        log.append(Fact(position, stream, version, happened.__struct_config__.tag, when, kept, corrects))
    return log


@st.composite
def event_of(draw: st.DrawFn, stream: str, version: int) -> Any:
    """`event` as a strategy."""
    return event(draw, stream, version)


POSITIONS, INSTANTS = st.integers(0, 2 * LONGEST + 6), st.integers(-1, 7)
QUESTIONS = st.builds(
    Question,
    known_at=POSITIONS | st.just(END),
    effective_at=INSTANTS | st.just(END),
    pipeline=st.none() | st.sampled_from(PROCESSES),
    owner=st.none() | OWNERS,
    product=st.none() | st.none() | PRODUCTS,
    source=st.none() | st.none() | SOURCES,
    currency=st.none() | st.sampled_from(["EUR", "USD"]),
)
PERIODS = st.tuples(st.none() | st.integers(-1, 3), st.none() | st.integers(4, 8))
