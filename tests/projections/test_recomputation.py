"""Every metric at every moment equals the recomputation from raw events, on both databases."""

from os import environ
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from domain.correction import FactCorrected
from domain.recorded import Fact
from infra.store.codec import encode
from infra.views import Views
from projections import METRICS
from projections.metric import Metric
from projections.question import PERIODS, Question
from projections.versions import END
from tests import recompute
from tests.projections.conftest import Over
from tests.projections.histories import (
    CONVERSIONS,
    GROUPS,
    QUESTIONS,
    SCALES,
    SPANS,
    STAGE_IDS,
    TEAMS,
    Scale,
    asked_on,
    histories,
    spread,
)
from tests.recompute import Answer, Raw, World, recomputed

EXAMPLES = int(environ.get("DEALTRAIL_EXAMPLES", "25"))
often = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def raw(fact: Fact) -> Raw:
    """A fact as a log stores it."""
    event: Any = FactCorrected(fact.corrects, fact.event, "?") if fact.corrects else fact.event  # type: ignore[arg-type]
    return Raw(fact.stream, fact.version, fact.position, fact.occurred_at, fact.tag, encode(event))


class Inquiry(NamedTuple):
    """A history, a question of it with all that may be asked, and a period for metrics that need one."""

    facts: list[Fact]
    question: Question
    bounds: tuple[int, int]

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
        stage = question.stage if metric.stage else None
        asked = replace(question, by=by, since=since, until=until, stage=stage)
        return [metric.checked(replace(asked, mode=mode)) for mode in metric.modes or ("",)]


@st.composite
def inquiries(draw: st.DrawFn) -> Inquiry:
    """Any history at any scale, and any question."""
    scale: Scale = draw(SCALES)
    since, until = draw(SPANS)
    unit = draw(st.sampled_from([(), (), ("month",), ("quarter",), ("week",)]))
    team = draw(st.none() | st.none() | st.sampled_from(TEAMS))
    stage = draw(st.none() | st.none() | STAGE_IDS)
    question = replace(
        draw(QUESTIONS), since=since, until=until, by=draw(GROUPS) + unit, team=team, convert_to=draw(CONVERSIONS),
        stage=stage,
    )  # fmt: skip
    return Inquiry(spread(draw(histories()), scale), asked_on(question, scale), (scale[0], scale[-1]))


def told(views: Views, metric: Metric, question: Question) -> Answer:
    """What the tables say, in the shape of the recomputation."""
    found = views.ask(metric.name, question)
    return Answer([(g, astuple(r)) for g, r in zip(found.groups, found.records, strict=True)], found.left_out)


@often
@given(inquiry=inquiries(), page=st.integers(1, 9))
def test_every_metric_equals_its_recomputation(over: Over, inquiry: Inquiry, page: int):
    views, log = over(inquiry.facts), [raw(fact) for fact in inquiry.facts]
    views.catch_up(page, far=END)
    asked, at_last = inquiry.question, replace(inquiry.question, known_at=END, effective_at=END)
    for moment in (asked, at_last):
        world = World(log, moment.known_at)
        for metric in METRICS.values():
            for question in inquiry._replace(question=moment).of(metric):
                assert told(views, metric, question) == recomputed(metric.name, world, question), metric.name


def test_every_metric_has_a_recomputation():
    assert set(METRICS) <= set(recompute.METRICS)
