"""Groups add up to the whole, rows to their figure, and what was known at a position is what a shorter log says."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.recorded import Fact, micros
from infra.views import Views
from projections import METRICS
from projections.query.metric import Metric
from projections.query.question import DIMENSIONS, Question
from projections.versions import END
from tests.projections.conftest import Over
from tests.projections.histories import POSITIONS, QUESTIONS, histories
from tests.projections.test_moments import often

FAR = micros(datetime(2024, 3, 1, 12, tzinfo=UTC))  # past the close dates of the histories
PERIODS = st.tuples(st.integers(-1, 4), st.integers(5, 8) | st.just(FAR))
CONVERSIONS = (
    "transitions", "backward-moves", "stage-flow", "lead-conversion", "time-in-stage", "generation", "push-count",
    "slip-rate",
)  # fmt: skip
MEASURES = {
    "moves", "deals", "present", "progressed", "lost", "back", "captured", "converted", "disqualified", "still_open",
    "visits", "left", "amount", "due", "won", "slipped", "due_amount", "slipped_amount",
}  # fmt: skip
SHARED = {"owner", "team", "product"}


def asked_of(metric: Metric, question: Question, **more: Any) -> list[Question]:
    """The question as this metric takes it, once in each of its modes."""
    missing = {name: None for name in DIMENSIONS if name not in metric.dimensions}
    return [replace(question, mode=mode, **{**missing, **more}) for mode in metric.modes or ("",)]


def added(records: list[Any]) -> Counter[Any]:
    """The sums of what can be added, by what is counted."""
    sums = Counter[Any]()
    for record in records:
        about = tuple(getattr(record, name) for name in ("process", "stage", "to_process", "to_stage", "to_status",
                                                         "currency", "pushes") if hasattr(record, name))  # fmt: skip
        for name in MEASURES & set(record.__struct_fields__):
            sums[about, name] += getattr(record, name)
    return +sums


@often
@given(facts=histories(), question=QUESTIONS, period=PERIODS, data=st.data())
def test_groups_add_up_to_the_whole_and_rows_to_their_figure(
    over: Over, facts: list[Fact], question: Question, period: tuple[int, int], data: st.DataObject
):
    views = over(facts)
    views.catch_up()
    for name in CONVERSIONS:
        metric = METRICS[name]
        by = tuple(data.draw(st.sets(st.sampled_from(metric.dimensions), max_size=2)))
        for asked in asked_of(metric, question, since=period[0], until=period[1]):
            whole = views.ask(name, asked)
            parts, sums = added(views.ask(name, replace(asked, by=by)).records), added(whole.records)
            for key in parts.keys() | sums.keys():  # a deal that is shared counts once for each who has a part of it
                equal = "amount" in key[1] or not SHARED & set(by)
                assert parts[key] == sums[key] or (not equal and parts[key] > sums[key]), (name, by, key)
            explained = views.explain(name, asked)
            assert [record for _, record, _ in explained.figures] == whole.records, name
            for _, record, rows in explained.figures:
                for measure in MEASURES & set(record.__struct_fields__):
                    assert sum(row.adds[measure] for row in rows) == getattr(record, measure), (name, measure)


@often
@given(facts=histories(), question=QUESTIONS, period=PERIODS, position=POSITIONS)
def test_what_was_known_at_a_position_is_what_a_log_cut_there_says(
    over: Over, facts: list[Fact], question: Question, period: tuple[int, int], position: int
):
    def answers(views: Views, known_at: int) -> list[Any]:
        views.catch_up()
        return [
            views.ask(name, asked).records
            for name in CONVERSIONS
            for asked in asked_of(METRICS[name], question, known_at=known_at, since=period[0], until=period[1])
        ]

    then = answers(over(facts), position)
    assert then == answers(over([fact for fact in facts if fact.position <= position]), END)
