"""Every metric at every moment equals the recomputation from raw events, on both databases."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import product
from os import environ
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, astuple, replace

from domain.correction import FactCorrected
from domain.recorded import Fact
from infra.store.codec import encode
from infra.views import Views
from projections import METRICS
from projections.figures.funnel import FunnelRow
from projections.query.explanation import Behind
from projections.query.metric import Metric
from projections.query.question import DIMENSIONS, PERIODS, Question
from projections.versions import END
from tests import recompute
from tests.projections.conftest import Over
from tests.projections.histories import (
    ATTRIBUTIONS,
    BASES,
    CONVERSIONS,
    GROUPS,
    POSITIONS,
    QUESTIONS,
    SCALES,
    SPANS,
    STAGE_IDS,
    TEAMS,
    WHOLE,
    FactLog,
    Scale,
    asked_on,
    histories,
    spread,
)
from tests.recompute import Answer, Raw, World, recomputed
from tests.thorough import thorough

EXAMPLES = int(environ.get("DEALTRAIL_EXAMPLES", "8"))
often, less, seldom = (thorough(max(EXAMPLES // share, 1)) for share in (1, 2, 8))
TURNS = 3
NUMBERS = (int, Decimal)


def raw(fact: Fact) -> Raw:
    """A fact as a log stores it."""
    event: Any = FactCorrected(fact.corrects, fact.event, "?") if fact.corrects else fact.event  # type: ignore[arg-type]
    return Raw(fact.stream, fact.version, fact.position, fact.occurred_at, fact.tag, encode(event))


class Query(NamedTuple):
    """A history, a question of it with all that may be asked, and a period for metrics that need one."""

    facts: list[Fact]
    question: Question
    bounds: tuple[int, int]
    closes: tuple[str | None, str | None] = (None, None)
    before: int | None = None
    through_knowledge: bool = False
    within: int | None = None

    def of(self, metric: Metric) -> list[Question]:
        """What can be asked of a metric, in each of its modes, as like the question as it allows."""
        question = self.question
        by = tuple(name for name in question.by if name in metric.by)
        since, until = question.since, question.until
        if metric.period == "needed" or set(by) & set(PERIODS):
            since, until = (
                asked if asked is not None else end for asked, end in zip((since, until), self.bounds, strict=True)
            )
        elif not metric.period:
            since = until = None
        strange = {name: None for name in DIMENSIONS if name not in metric.by}
        stage = question.stage if metric.stage else None
        asked = replace(question, by=by, since=since, until=until, stage=stage, **strange)
        if metric.closes:
            asked = replace(asked, closes_since=self.closes[0], closes_until=self.closes[1])
        if metric.compares and self.before is not None:
            asked = replace(asked, known_before=min(self.before, question.known_at))
            if self.through_knowledge and not set(by) & set(PERIODS):
                asked = replace(asked, since=None, until=None)
        if metric.within:
            asked = replace(asked, within=self.within)
        ways = product(metric.modes or ("",), metric.cohorts or ("",))
        return [metric.checked(replace(asked, mode=mode, cohort=cohort)) for mode, cohort in ways]

    def each(self, turn: int) -> Iterator[tuple[Metric, Question]]:
        """A question of every metric, in one of its modes: in all of them one turn after the other."""
        for metric in METRICS.values():
            questions = self.of(metric)
            yield metric, questions[turn % len(questions)]


WITHIN = st.none() | st.sampled_from([1, 2, 60_000_000, 86_400_000_000, 20 * 86_400_000_000])
CLOSING = st.sampled_from([(None, "2024-02-29"), ("2024-02-29", None), ("2024-02-01", "2024-03-01")])


@st.composite
def inquiries(draw: st.DrawFn) -> Query:
    """Any history at any scale, and any question."""
    scale: Scale = draw(SCALES)
    since, until = draw(SPANS)
    unit = draw(st.sampled_from([*7 * [()], ("month",), ("quarter",), ("week",)]))
    team = draw(st.none() | st.none() | st.sampled_from([*TEAMS, ""]))
    stage = draw(st.none() | st.none() | STAGE_IDS)
    question = replace(
        draw(QUESTIONS), since=since, until=until, by=draw(GROUPS) + unit, team=team, convert_to=draw(CONVERSIONS),
        stage=stage, base_currency=draw(BASES), attribute=draw(ATTRIBUTIONS),
    )  # fmt: skip
    question = asked_on(question, scale)
    if draw(st.integers(0, 3)) == 0:
        since, until = draw(st.sampled_from(WHOLE))
        question = replace(question, since=since, until=until)
    closes = draw(st.just((None, None)) | CLOSING)
    before = draw(st.none() | POSITIONS)
    bounds = scale[0], scale[-1]
    facts, within = spread(draw(histories()), scale), draw(WITHIN)
    return Query(facts, question, bounds, closes, before, draw(st.booleans()), within)


def told(views: Views, metric: Metric, question: Question) -> Answer:
    """What the tables say, in the shape of the recomputation."""
    found = views.ask(metric.name, question)
    return Answer([(g, astuple(r)) for g, r in zip(found.groups, found.records, strict=True)], found.left_out)


def alike(metric: Metric, answer: Answer) -> Answer:
    """An answer as far as it must be the same: which missing rates a balance meets on its way is open."""
    return answer._replace(left_out={}) if metric.compares else answer


def other_moments(question: Question) -> list[Question]:
    """The question at each of its axes alone, and as things stand."""
    return [
        replace(question, known_at=END),
        replace(question, effective_at=END),
        replace(question, known_at=END, effective_at=END),
    ]


@often
@given(query=inquiries(), page=st.integers(1, 9), turn=st.integers(0, 11))
def test_every_metric_equals_its_recomputation(over: Over, query: Query, page: int, turn: int):
    views, log = over(query.facts), [raw(fact) for fact in query.facts]
    views.catch_up(page, far=END)
    for count, moment in enumerate((query.question, other_moments(query.question)[turn % 3])):
        world = World(log, moment.known_at)
        for metric, question in query._replace(question=moment).each(turn + count):
            anew = recomputed(metric.name, world, question)
            assert alike(metric, told(views, metric, question)) == alike(metric, anew), metric.name


@seldom
@given(query=inquiries(), turn=st.integers(0, 99))
def test_a_metric_known_at_a_position_is_what_it_was_when_the_log_ended_there(over: Over, query: Query, turn: int):
    log = FactLog()
    views = over(log)
    then: dict[tuple[int, str], Answer] = {}

    def asked(count: int, upto: int, known_at: int) -> Iterator[tuple[Metric, Question]]:
        """Some of the metrics at each position: the others have their turn at the next ones."""
        there = query._replace(question=replace(query.question, known_at=upto))
        for metric, question in list(there.each(count))[(count + turn) % TURNS :: TURNS]:
            yield metric, replace(question, known_at=known_at)

    for count, fact in enumerate(query.facts):
        log.all.append(fact)
        views.catch_up()
        for metric, question in asked(count, fact.position, END):
            then[fact.position, metric.name] = told(views, metric, question)
    for count, fact in enumerate(query.facts):
        for metric, question in asked(count, fact.position, fact.position):
            assert told(views, metric, question) == then[fact.position, metric.name], metric.name


@less
@given(query=inquiries(), turn=st.integers(0, 11))
def test_what_is_behind_a_figure_adds_up_to_it(over: Over, query: Query, turn: int):
    views = over(query.facts)
    views.rebuild()
    recorded = {(fact.stream, fact.corrects or fact.version) for fact in query.facts}
    positions = {fact.position for fact in query.facts}
    for metric, question in query.each(turn):
        explained = views.explain(metric.name, question)
        assert [record for _, record, _ in explained.figures] == views.ask(metric.name, question).records
        counted = [row for _, _, behind in explained.figures for row in behind]
        for _, record, behind in explained.figures:
            assert shared(record, behind) == summed(record, behind), metric.name
        assert {(row.stream, row.version) for row in (*counted, *explained.left_out)} <= recorded, metric.name
        assert {row.known_from for row in (*counted, *explained.left_out)} <= positions, metric.name
        streams = {row.stream for row in counted}
        gone = {row.stream for row in explained.left_out if row.reason.startswith(("merged", "deleted", "late"))}
        assert not streams & gone, metric.name


def shared(record: Any, behind: Sequence[Behind]) -> dict[str, Any]:
    """The numbers of a record by the names under which its rows say what they add."""
    names = {name for row in behind for name, value in row.adds.items() if isinstance(value, NUMBERS)}
    return {name: value for name, value in asdict(record).items() if name in names and isinstance(value, NUMBERS)}


def summed(record: Any, behind: Sequence[Behind]) -> dict[str, Any]:
    """The same names, what the rows say under them added up; of what is the most, the most."""
    return {
        name: (max if name == "oldest_days" else sum)(row.adds[name] for row in behind)
        for name in shared(record, behind)
    }


@less
@given(query=inquiries())
def test_the_modes_of_the_funnel_agree_as_far_as_they_must(over: Over, query: Query):
    views = over(query.facts)
    views.rebuild()
    modes: dict[str, dict[Any, FunnelRow]] = {}
    for question in query.of(METRICS["funnel"]):
        found = views.ask("funnel", question)
        shown = zip(found.groups, found.records, strict=True)
        modes[question.mode] = {(*group.values(), row.process, row.stage): row for group, row in shown}
    assert set(modes["strict"]) <= set(modes["touched"]) == set(modes["adjacent"])
    begun_anywhere = query.question.since is None and not set(query.question.by) & set(PERIODS)
    for key, touched in modes["touched"].items():
        adjacent, strict = modes["adjacent"][key], modes["strict"].get(key, touched)
        assert strict.entered <= touched.entered == adjacent.entered
        assert max(strict.advanced, adjacent.advanced) <= touched.advanced
        if begun_anywhere:  # who passed a stage before the period may touch it in the period
            reached = modes["reached_or_beyond"][key]
            assert touched.entered <= reached.entered
            assert touched.advanced <= reached.advanced
    for row in (row for rows in modes.values() for row in rows.values()):
        assert 0 <= row.advanced <= row.entered
        assert 0 <= row.still_open <= row.entered - row.advanced


@less
@given(query=inquiries())
def test_a_waterfall_balances_to_the_minor_unit(over: Over, query: Query):
    views = over(query.facts)
    views.rebuild()
    for question in query.of(METRICS["waterfall"]):
        answer = views.ask("waterfall", question)
        sums: dict[Any, Decimal] = defaultdict(Decimal)
        for group, row in zip(answer.groups, answer.records, strict=True):
            sums[*group.values(), row.currency] += -row.amount if row.bucket == "closing" else row.amount
        assert not any(sums.values())


def test_every_metric_has_a_recomputation():
    assert set(METRICS) <= set(recompute.METRICS)
