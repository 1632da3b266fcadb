"""Random histories at the level of facts, and a log that holds just facts: late ones, ties, gaps, impossible orders.

Instants are 0 to 6, so that many facts happen at once. `spread` puts them on real days, where periods, rates and
durations matter.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any
from zlib import crc32

from hypothesis import strategies as st
from msgspec.structs import replace

from domain import kind
from domain.lead import LeadCaptured, LeadConverted
from domain.lead.disposition import LeadDisqualified, LeadMerged, LeadNurtured, LeadReopened, LeadUnmerged
from domain.lead.profile import LeadAssigned, LeadContacted, LeadEnriched
from domain.lead.qualification import CriterionAssessed, LeadQualified
from domain.money import Money, from_minor_units
from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.follow_up import ActivityCompleted, ActivityScheduled, NextStepSet
from domain.opportunity.judgement import (
    ForecastCategoryChanged,
    ProbabilityCleared,
    ProbabilityOverridden,
    Share,
    SplitsChanged,
)
from domain.opportunity.line_items import Line, LineItemAdded, LineItemChanged, LineItemRemoved
from domain.opportunity.progress import PipelineChanged, StageChanged
from domain.opportunity.removal import OpportunityDeleted, OpportunityMerged, OpportunityRestored, OpportunityUnmerged
from domain.opportunity.terms import AccountChanged, AmountChanged, CloseDateChanged, OwnerChanged, ProductChanged
from domain.recorded import Fact, micros
from domain.reference.calendar import CalendarSet
from domain.reference.forecast import ForecastAdjusted, ForecastSubmitted
from domain.reference.outlook import Expected, ForecastIssued, Spread
from domain.reference.process import ProcessPublished, ProcessRetired, Stage, StageRenamed, StageRetired
from domain.reference.quota import QuotaSet
from domain.reference.rate import FxRateSet
from domain.reference.team import TeamChanged
from projections.query.question import DIMENSIONS, Question
from projections.versions import END

PROCESSES, DEALS, LEADS = (
    ("process-p", "process-q"),
    ("opportunity-s", "opportunity-t", "opportunity-u"),
    ("lead-l", "lead-m", "lead-n"),
)
TEAMS = ("team-n", "team-s")
REFERENCES = (
    *TEAMS,
    "rate-ecb",
    "rate-own",
    "quota-all",
    "forecast-all",
    "outlook-all",
    "calendar-organisation",
    "calendar-other",
)
STREAMS = (*DEALS, *DEALS, *DEALS, *DEALS, *PROCESSES, *LEADS, *LEADS, *REFERENCES)  # deals come more often
LONGEST = 30  # facts
NEWEST = 3  # versions of a process that deals may name, whether they are published or not
CURRENCIES = ("EUR", "USD", "JPY", "KWD")  # two, none and three minor digits


class FactLog:
    """The reading half of a log, over facts in a list: what a projection needs of one, corrections included."""

    def __init__(self, facts: Sequence[Fact] = ()) -> None:
        self.all = list(facts)

    def tolerant(self) -> "FactLog":
        return self

    def identity(self) -> str:
        return "facts"

    def event_id_at(self, position: int) -> str:
        return str(max((fact.position for fact in self.all if fact.position <= position), default=""))

    def head(self) -> int:
        return self.all[-1].position if self.all else 0

    def page(self, after: int, limit: int) -> list[Fact]:
        return [fact for fact in self.all if fact.position > after][:limit]

    def facts(self, streams: Sequence[str], upto: int) -> dict[str, list[Fact]]:
        known = [fact for fact in self.all if fact.position <= upto]
        return {stream: [fact for fact in known if fact.stream == stream] for stream in streams}

    def scan(self, upto: int, shard: int = 0, shards: int = 1) -> Iterator[list[Fact]]:
        chosen = (fact for fact in self.all if fact.position <= upto and crc32(fact.stream.encode()) % shards == shard)
        ordered = sorted(chosen, key=lambda fact: (fact.stream, fact.version))
        yield from (list(facts) for _, facts in groupby(ordered, key=lambda fact: fact.stream))


def money(units: int, currency: str) -> Money:
    return Money(from_minor_units(units, currency), currency)


STAGE_IDS = st.sampled_from("abc")
OWNERS, PRODUCTS = st.sampled_from(["", "ann", "bob"]), st.sampled_from(["", "x", "y"])
SOURCES = st.sampled_from(["", "web"])
CHANCES = st.integers(0, 10_000).map(lambda points: Decimal(points) / 10_000)
CATEGORIES = st.sampled_from(["pipeline", "best-case", "commit", "omitted"])
CURRENCY = st.sampled_from(["EUR", *CURRENCIES])
LARGE = CURRENCY.map(lambda currency: Money(Decimal(10) ** 14 - 1, currency))
MONEY = st.one_of(*3 * [st.builds(money, st.integers(0, 900), CURRENCY)], LARGE)
REASON, ITEMS = st.just("?"), st.sampled_from(["i", "j", "k"])
ACTIVITIES = st.sampled_from(["1", "2"])
DAYS = st.sampled_from([
    date(1970, 1, 1), date(2024, 1, 31), date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1), date(2024, 3, 31),
    date(2024, 4, 1), date(2024, 6, 30),
])  # fmt: skip
LINES = st.builds(
    Line,
    PRODUCTS,
    st.integers(1, 2000).map(lambda n: Decimal(n) / 1000),
    MONEY,
    st.sampled_from(["0", "0.125", "1"]).map(Decimal),
)
SPLITS = st.sampled_from([
    (), (Share("ann", Decimal("0.5")), Share("bob", Decimal("0.5"))),
    (Share("bob", Decimal("0.333")), Share("ann", Decimal("0.333")), Share("cy", Decimal("0.334"))),
])  # fmt: skip
MAPPING = st.dictionaries(STAGE_IDS, STAGE_IDS, max_size=1)
DEAL: dict[type, st.SearchStrategy[Any]] = {
    OpportunityOpened: st.builds(
        OpportunityOpened, st.sampled_from(PROCESSES), st.integers(1, NEWEST), STAGE_IDS, MONEY,
        owner=OWNERS, product=PRODUCTS, close_date=st.none() | DAYS, source=SOURCES,
        lead=st.sampled_from(["", *LEADS]),
    ),
    StageChanged: st.builds(StageChanged, REASON, STAGE_IDS, st.just(1), st.just("forward")),
    PipelineChanged: st.builds(
        PipelineChanged, st.sampled_from(PROCESSES), st.integers(1, NEWEST), STAGE_IDS, MAPPING
    ),
    AmountChanged: st.builds(AmountChanged, MONEY, MONEY),
    LineItemAdded: st.builds(LineItemAdded, ITEMS, LINES),
    LineItemChanged: st.builds(LineItemChanged, ITEMS, LINES),
    LineItemRemoved: st.builds(LineItemRemoved, ITEMS),
    ProbabilityOverridden: st.builds(ProbabilityOverridden, CHANCES, REASON),
    ProbabilityCleared: st.builds(ProbabilityCleared),
    ForecastCategoryChanged: st.builds(ForecastCategoryChanged, st.none(), st.none() | CATEGORIES),
    SplitsChanged: st.builds(SplitsChanged, SPLITS),
    OwnerChanged: st.builds(OwnerChanged, REASON, OWNERS),
    ProductChanged: st.builds(ProductChanged, REASON, PRODUCTS),
    AccountChanged: st.builds(AccountChanged, REASON, st.just("Acme")),
    CloseDateChanged: st.builds(CloseDateChanged, st.none(), DAYS),
    NextStepSet: st.builds(NextStepSet, st.sampled_from(["", "call"]), st.none() | DAYS),
    ActivityScheduled: st.builds(ActivityScheduled, ACTIVITIES, st.just("call"), DAYS),
    ActivityCompleted: st.builds(ActivityCompleted, ACTIVITIES, st.sampled_from(["call", "demo", ""])),
    OpportunityWon: st.builds(OpportunityWon, MONEY, st.sampled_from(["", "Bolt"])),
    OpportunityLost: st.builds(OpportunityLost, st.sampled_from(["price", "timing"]), st.sampled_from(["", "globex"])),
    OpportunityReopened: st.builds(OpportunityReopened, STAGE_IDS, REASON),
    OpportunityMerged: st.builds(OpportunityMerged, st.sampled_from(DEALS)),
    OpportunityUnmerged: st.builds(OpportunityUnmerged, REASON),
    OpportunityDeleted: st.builds(OpportunityDeleted, REASON),
    OpportunityRestored: st.builds(OpportunityRestored, REASON),
}  # fmt: skip
LEAD: dict[type, st.SearchStrategy[Any]] = {
    LeadCaptured: st.builds(LeadCaptured, SOURCES, owner=OWNERS),
    LeadAssigned: st.builds(LeadAssigned, OWNERS),
    LeadContacted: st.builds(LeadContacted, st.just("1"), st.just("call")),
    LeadEnriched: st.builds(LeadEnriched, st.sampled_from([None, "Acme"])),
    CriterionAssessed: st.builds(CriterionAssessed, st.just("b"), st.just("need"), st.just("yes")),
    LeadQualified: st.builds(LeadQualified, st.just("bant"), st.just(1)),
    LeadNurtured: st.builds(LeadNurtured),
    LeadDisqualified: st.builds(LeadDisqualified, st.just("no-need")),
    LeadReopened: st.builds(LeadReopened, REASON),
    LeadMerged: st.builds(LeadMerged, st.just("lead-m")),
    LeadUnmerged: st.builds(LeadUnmerged, REASON),
    LeadConverted: st.builds(LeadConverted, st.just("Acme"), st.just("opportunity-s")),
}
OFTEN = (StageChanged, StageChanged, PipelineChanged, OpportunityWon, OpportunityUnmerged, OpportunityRestored)
ASIDE = (NextStepSet, ActivityScheduled, ActivityCompleted, SplitsChanged)  # move no deal, so none begins with them
DEAL_EVENTS = st.sampled_from([*DEAL, *OFTEN]).flatmap(DEAL.__getitem__)
LEAD_EVENTS = st.sampled_from([*LEAD]).flatmap(LEAD.__getitem__)
FEBRUARY, FIRST_QUARTER = (date(2024, 2, 1), date(2024, 2, 29)), (date(2024, 1, 1), date(2024, 3, 31))
HOLDERS, JUDGED = st.sampled_from(["", "", "ann", "team-n"]), st.sampled_from(["commit", "best-case", "pipeline"])
PAIRS = st.sampled_from([("USD", "EUR"), ("JPY", "EUR"), ("EUR", "USD"), ("KWD", "USD")])  # and none for others
FIGURES = st.dictionaries(  # with the total
    st.sampled_from(
        [("total", ""), ("team", "team-n"), ("team", ""), ("owner", "ann"), ("owner", "bob"), ("source", "web")]
    ),
    st.integers(0, 900),
).map(lambda found: tuple({("total", ""): 500, **found}.items()))


def spread_of(units: int, currency: str) -> Spread:
    """A figure whose bounds are itself."""
    return Spread(*4 * [from_minor_units(units, currency)])


KNOWN_OF: dict[str, st.SearchStrategy[Any]] = {
    "team": st.builds(
        TeamChanged, st.just("Team"), st.just("dora"), st.sampled_from([(), ("ann",), ("bob",), ("ann", "bob")])
    ),
    "rate": st.builds(
        lambda pair, day, rate: FxRateSet(*pair, day, Decimal(rate)),
        PAIRS, DAYS, st.sampled_from(["0.5", "0.905", "1.25", "131.0000000001"]),
    ),
    "quota": st.builds(
        lambda holder, period, amount: QuotaSet(holder, *period, amount),
        st.sampled_from(["ann", "bob", *TEAMS]),
        st.sampled_from([FEBRUARY, FIRST_QUARTER]),
        MONEY,
    ),
    "forecast": st.one_of(
        st.builds(
            lambda holder, period, category, amounts, by: ForecastAdjusted(
                holder, *period, category, *amounts, "?", by
            ),
            HOLDERS, st.sampled_from([FEBRUARY, FIRST_QUARTER]), JUDGED,
            CURRENCY.flatmap(lambda of: st.tuples(*2 * [st.integers(0, 900).map(lambda units: money(units, of))])),
            st.sampled_from(["dora", "eve"]),
        ),
        st.builds(
            lambda holder, period, category, amount: ForecastSubmitted(holder, *period, category, amount),
            HOLDERS, st.just(FEBRUARY), JUDGED, MONEY,
        ),
    ),
    "outlook": st.builds(
        lambda period, as_of, model, figures: ForecastIssued(
            figures[0], *period, as_of, 1, *model, "s", 1,
            tuple(Expected(*of, spread_of(amount, figures[0]), spread_of(1, "JPY")) for of, amount in figures[1]),
        ),
        st.sampled_from([FEBRUARY, FIRST_QUARTER]),
        st.sampled_from([date(2024, 1, 31), date(2024, 2, 10), date(2024, 3, 5)]),
        st.sampled_from([("outlook", "1"), ("outlook", "2"), ("gut", "1")]),
        st.tuples(CURRENCY, FIGURES),
    ),
    "calendar": st.sampled_from([CalendarSet("Europe/Berlin", 4), CalendarSet("America/New_York", 1)]),
}  # fmt: skip
REVISIONS = st.one_of(
    st.builds(StageRenamed, st.integers(1, NEWEST), STAGE_IDS, st.sampled_from(["Said", "Meant"])),
    st.builds(StageRetired, st.integers(1, NEWEST), STAGE_IDS, STAGE_IDS),
    st.just(ProcessRetired()),
)


@st.composite
def publications(draw: st.DrawFn, version: int) -> ProcessPublished:
    """A version with some of the stages, in any order."""
    opens = draw(st.permutations("abc"))[: draw(st.integers(1, 3))]
    name = draw(st.sampled_from(["One", "Two"]))
    stages = [
        Stage(
            stage, f"{stage} in {name}", order, "open", draw(CHANCES), draw(CATEGORIES),
            stale_days=draw(st.none() | st.integers(0, 40)),
        )
        for order, stage in enumerate(opens)
    ]  # fmt: skip
    won = Stage("won", "Won", 8, "won", Decimal(1), "closed")
    lost = Stage("lost", "Lost", 9, "lost", Decimal(0), "omitted")
    qualifying = draw(st.sampled_from(["", "", *opens]))
    return ProcessPublished(version, name, (*stages, won, lost), qualifying)


def event(draw: st.DrawFn, stream: str, earlier: Sequence[Fact]) -> Any:
    """An event of a stream's kind; the first usually begins it."""
    if stream in PROCESSES:
        published = sum(isinstance(fact.event, ProcessPublished) for fact in earlier)
        return draw(publications(published + 1) if draw(st.booleans()) else REVISIONS)
    if stream in REFERENCES:
        return draw(KNOWN_OF[kind(stream)])
    opening, later = (DEAL[OpportunityOpened], DEAL_EVENTS) if stream in DEALS else (LEAD[LeadCaptured], LEAD_EVENTS)
    if earlier:
        return draw(later)
    return draw(opening if draw(st.integers(0, 9)) else later.filter(lambda event: not isinstance(event, ASIDE)))


def correction(draw: st.DrawFn, position: int, earlier: Sequence[Fact]) -> Fact:
    """A fact of the stream taken away, or replaced by one of its type, or only put at another time."""
    wrong = draw(st.sampled_from([fact for fact in earlier if not fact.corrects]))
    kinds = DEAL if wrong.stream in DEALS else LEAD
    event = draw(st.none() | st.just(wrong.event) | kinds[type(wrong.event)])
    when = draw(st.just(wrong.occurred_at) | st.integers(0, 6))
    return Fact(position, wrong.stream, len(earlier) + 1, "fact-corrected", when, event, wrong.version)


@st.composite
def histories(draw: st.DrawFn) -> list[Fact]:
    """Interleaved facts of a few streams at few instants, with gaps in their positions."""
    log = [
        Fact(position, stream, 1, "process-published", 0, draw(publications(1)))
        for position, stream in zip((1, 3), PROCESSES, strict=True)
    ]
    for position in range(5, 5 + 2 * draw(st.integers(1, LONGEST)), 2):
        stream = draw(st.sampled_from(STREAMS))
        earlier = [fact for fact in log if fact.stream == stream]
        if earlier and stream in (*DEALS, *LEADS) and draw(st.integers(0, 4)) == 0:
            log.append(correction(draw, position, earlier))
        else:
            happened, when = event(draw, stream, earlier), draw(st.integers(0, 6))
            log.append(Fact(position, stream, len(earlier) + 1, happened.__struct_config__.tag, when, happened))
    return log


POSITIONS, INSTANTS = st.integers(0, 2 * LONGEST + 6), st.integers(-1, 7)
QUESTIONS = st.builds(
    Question,
    known_at=POSITIONS | st.just(END),
    effective_at=INSTANTS | st.just(END),
    pipeline=st.none() | st.sampled_from(PROCESSES),
    owner=st.none() | OWNERS,
    product=st.none() | st.none() | PRODUCTS,
    source=st.none() | st.none() | SOURCES,
    currency=st.none() | st.none() | CURRENCY,
)
SPANS = st.tuples(st.none() | st.integers(-1, 3), st.none() | st.integers(4, 8))
GROUPS = st.lists(st.sampled_from(DIMENSIONS), max_size=2, unique=True).map(tuple)
CONVERSIONS = st.none() | st.sampled_from(["EUR", "USD"])
BASES = st.none() | st.just("EUR")
ATTRIBUTIONS = st.sampled_from(["then", "then", "moment"])

Scale = Sequence[int]
"""What the instants from -1 to 8 are in truth, in their order."""

EDGES = [  # around midnight in Berlin, in New York and in UTC, at ends of months and of the fiscal year
    micros(datetime(2024, month, day, hour, tzinfo=UTC))
    for month, day in ((1, 31), (2, 28), (2, 29), (3, 1), (3, 31), (4, 1), (6, 30))
    for hour in (0, 4, 5, 12, 21, 22, 23)
]
WHOLE = [  # periods of just the days of quotas, in any zone
    tuple(micros(datetime(day.year, day.month, day.day, 12, tzinfo=UTC)) for day in days)
    for days in (FEBRUARY, FIRST_QUARTER)
]
ANY_TIME = st.integers(micros(datetime(2024, 1, 1, tzinfo=UTC)), micros(datetime(2024, 7, 1, tzinfo=UTC)))
SCALES: st.SearchStrategy[Scale] = st.just(range(-1, 9)) | st.lists(
    st.sampled_from(EDGES) | ANY_TIME, min_size=10, max_size=10, unique=True
).map(sorted)


def spread(facts: Sequence[Fact], scale: Scale) -> list[Fact]:
    """The same history at the instants of a scale."""
    return [fact._replace(occurred_at=scale[fact.occurred_at + 1]) for fact in facts]


def asked_on(question: Question, scale: Scale) -> Question:
    """The same question at the instants of a scale."""

    def put(moment: int | None) -> int | None:
        return moment if moment in (None, END) else scale[moment + 1]

    effective_at = put(question.effective_at)
    assert effective_at is not None
    return replace(question, effective_at=effective_at, since=put(question.since), until=put(question.until))
