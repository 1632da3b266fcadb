"""Every metric at every moment equals a fold by brute force of what was known and true then, on both databases."""

from os import environ
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple, replace

from domain.recorded import Fact
from infra.views import Views
from projections import METRICS
from projections.question import Question
from projections.versions import END
from tests.projections import naive
from tests.projections.conftest import Over
from tests.projections.histories import PERIODS, QUESTIONS, histories

EXAMPLES = int(environ.get("DEALTRAIL_EXAMPLES", "40"))
often = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


def answered(views: Views, metric: str, question: Question) -> set[Any]:
    return {astuple(record) for record in views.ask(metric, question).records}


def moments(question: Question) -> list[Question]:
    """The question at both its axes, at each alone, and as things stand."""
    return [
        question,
        replace(question, known_at=END),
        replace(question, effective_at=END),
        replace(question, known_at=END, effective_at=END),
    ]


@often
@given(facts=histories(), question=QUESTIONS, page=st.integers(1, 9))
def test_the_board_and_the_weighted_pipeline_equal_a_fold(over: Over, facts: list[Fact], question: Question, page: int):
    views = over(facts)
    views.catch_up(page, far=END)
    for asked in moments(question):
        assert answered(views, "board", asked) == naive.board(facts, asked)
        assert answered(views, "weighted", asked) == naive.weighted(facts, asked)


@often
@given(facts=histories(), question=QUESTIONS, period=PERIODS)
def test_the_funnel_and_the_win_rate_equal_a_fold(
    over: Over, facts: list[Fact], question: Question, period: tuple[int | None, int | None]
):
    views = over(facts)
    views.rebuild()
    since, until = period
    for asked in moments(replace(question, since=since, until=until)):
        for mode in METRICS["win-rate"].modes:
            asked = replace(asked, mode=mode)
            assert answered(views, "win-rate", asked) == naive.win_rate(facts, asked)
        for mode in METRICS["funnel"].modes:
            asked = replace(asked, mode=mode)
            found = views.ask("funnel", asked).records
            counted = {(r.process, r.stage, r.entered, r.advanced, r.still_open) for r in found}
            assert counted == naive.funnel(facts, asked)
            assert all((r.conversion is None) == (not r.entered or r.kind == "won") for r in found)


@often
@given(facts=histories(), page=st.integers(1, 9))
def test_tables_kept_up_page_by_page_equal_rebuilt_ones(over: Over, facts: list[Fact], page: int):
    views = over(facts)
    assert views.catch_up(page, far=END) == facts[-1].position == views.position()
    incremental = views.digest()
    views.rebuild()
    assert views.digest() == incremental
