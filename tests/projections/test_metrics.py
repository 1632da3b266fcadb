"""The metrics on small histories worked out by hand."""

from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Malformed, NotFound
from domain.money import Money
from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.progress import StageChanged
from domain.recorded import Fact
from domain.reference.process import ProcessPublished, Stage
from projections import METRICS
from projections.figures.board import BoardRow
from projections.figures.funnel import MODES
from projections.figures.weighted import WeightedRow
from projections.figures.win_rate import WinRateRow
from projections.query.question import Question
from projections.versions import END
from tests.offenders import every
from tests.projections.conftest import Over


def process(version: int, *chances: str, name: str = "") -> ProcessPublished:
    """Open stages a, b, c … with their chances, won and lost."""
    opens = [
        Stage(stage, f"{stage.upper()}{name}", order, "open", Decimal(chance), "pipeline")
        for order, (stage, chance) in enumerate(zip("abcdefgh", chances, strict=False))
    ]
    won = Stage("won", "Won", 20, "won", Decimal(1), "closed")
    lost = Stage("lost", "Lost", 21, "lost", Decimal(0), "omitted")
    return ProcessPublished(version, "Sales", (*opens, won, lost))


def log(*happened: tuple[str, int, Any]) -> list[Fact]:
    """Facts from (stream, instant, event), in order of position."""
    versions: dict[str, int] = {}
    made: list[Fact] = []
    for position, (stream, when, event) in enumerate(happened, 1):
        versions[stream] = versions.get(stream, 0) + 1
        made.append(Fact(position, stream, versions[stream], event.__struct_config__.tag, when, event))
    return made


def opened(amount: str = "1", currency: str = "EUR", stage: str = "a", version: int = 1) -> OpportunityOpened:
    return OpportunityOpened("process-p", version, stage, Money(Decimal(amount), currency))


def to(stage: str) -> StageChanged:
    return StageChanged("?", stage, 1, "forward")


def won(amount: str, currency: str = "EUR") -> OpportunityWon:
    return OpportunityWon(Money(Decimal(amount), currency))


PROCESS = ("process-p", 0, process(1, "0.1", "0.5", "0.8"))
REOPENED, LOST = OpportunityReopened("a", "asked again"), OpportunityLost("price")

# (step, entered) of the stages of a process with three open ones, winning the fourth: what each mode makes of a path
PATHS: list[tuple[list[tuple[int, int]], dict[str, list[tuple[int, int, bool]]]]] = [
    ([(1, 10), (2, 20), (4, 30)], {
        "reached_or_beyond": [(1, 10, True), (2, 20, True), (3, 30, True), (4, 30, False)],
        "touched": [(1, 10, True), (2, 20, True), (4, 30, False)],
        "strict": [(1, 10, True), (2, 20, False)],
        "adjacent": [(1, 10, True), (2, 20, False), (4, 30, False)],
    }),
    ([(3, 10), (1, 20), (2, 30)], {  # begun late and moved back: moving back is no progress
        "reached_or_beyond": [(1, 10, True), (2, 10, True), (3, 10, False)],
        "touched": [(3, 10, False), (1, 20, True), (2, 30, False)],
        "strict": [(1, 20, True), (2, 30, False)],
        "adjacent": [(3, 10, False), (1, 20, True), (2, 30, False)],
    }),
    ([(1, 10), (0, 20)], {mode: [(1, 10, False)] for mode in MODES}),
    ([(0, 10)], {mode: [] for mode in MODES}),
]  # fmt: skip


@every("mode", MODES)
@every(("path", "then"), PATHS)
def test_a_funnel_mode_counts_as_defined(path: list[tuple[int, int]], then: dict[str, Any], mode: str):
    assert [tuple(entry) for entry in MODES[mode](path)] == then[mode]


def test_the_funnel_selects_a_stages_cohort_by_first_entry(over: Over):
    views = over(log(
        PROCESS,
        ("opportunity-1", 10, opened()), ("opportunity-1", 20, to("b")), ("opportunity-1", 30, to("a")),
        ("opportunity-2", 15, opened()), ("opportunity-2", 25, LOST),
        ("opportunity-3", 25, opened()),
    ))  # fmt: skip
    views.catch_up()

    def counted(**asked: Any) -> list[tuple[Any, ...]]:
        return [(r.stage, r.entered, r.advanced, r.still_open, r.conversion)
                for r in views.ask("funnel", Question(cohort="entered", **asked)).records]  # fmt: skip

    whole = [("a", 3, 1, 1, 1 / 3), ("b", 1, 0, 1, 0.0), ("c", 0, 0, 0, None), ("won", 0, 0, 0, None)]
    assert counted() == whole
    assert counted(since=20)[:2] == [("a", 1, 0, 1, 0.0), ("b", 1, 0, 1, 0.0)]
    assert counted(until=20)[:2] == [("a", 2, 1, 0, 0.5), ("b", 0, 0, 0, None)]
    assert counted(effective_at=19)[:2] == [("a", 2, 0, 2, 0.0), ("b", 0, 0, 0, None)]


def test_a_funnel_follows_the_deals_that_were_opened_in_the_period_through_every_stage(over: Over):
    views = over(log(
        PROCESS,
        ("opportunity-1", 10, opened()), ("opportunity-1", 20, to("b")), ("opportunity-1", 30, won("1")),
        ("opportunity-2", 15, opened()), ("opportunity-2", 25, LOST),
        ("opportunity-3", 16, opened()), ("opportunity-3", 26, to("b")),
        ("opportunity-4", 25, opened()), ("opportunity-4", 26, to("c")),
    ))  # fmt: skip
    views.catch_up()
    rows = views.ask("funnel", Question(since=10, until=20)).records  # the first three
    assert [(r.stage, r.entered, r.advanced, r.still_open, r.won) for r in rows] == [
        ("a", 3, 2, 0, 1), ("b", 2, 1, 1, 1), ("c", 1, 1, 0, 1), ("won", 1, 0, 0, 1),
    ]  # fmt: skip
    # of the two in b one may yet advance: all of those that are decided did
    assert [(r.conversion, r.of_decided, r.cumulative, r.to_won) for r in rows] == [
        (2 / 3, 2 / 3, 1.0, 1 / 3), (1 / 2, 1.0, 2 / 3, 1 / 2), (1.0, 1.0, 1 / 3, 1.0), (None, None, 1 / 3, 1.0),
    ]  # fmt: skip
    entered = views.ask("funnel", Question(since=10, until=20, cohort="entered")).records
    assert [(r.stage, r.entered, r.cumulative) for r in entered] == [
        ("a", 3, None), ("b", 0, None), ("c", 0, None), ("won", 0, None),
    ]  # fmt: skip  # nobody came to b before the 20th


def test_a_restated_win_leaves_the_closed_quarter_as_it_was_known(over: Over):
    views = over(log(
        PROCESS,
        ("opportunity-1", 10, opened("5")), ("opportunity-1", 20, won("7")),
        ("opportunity-2", 12, opened("3")), ("opportunity-2", 22, LOST),
        ("opportunity-1", 40, REOPENED), ("opportunity-1", 50, LOST),
    ))  # fmt: skip
    views.catch_up()

    def rate(**asked: Any) -> list[Any]:
        return views.ask("win-rate", Question(**asked)).records

    euro, none = (Decimal("7.00"), Decimal("3.00")), (0, Decimal("0.00"))
    assert rate(until=30, known_at=5) == [WinRateRow("EUR", 1, 1, 0, *euro, *none, 0.5, 0.7, 1.0, 0.0)]
    assert rate(until=30, effective_at=29) == [WinRateRow("EUR", 1, 1, 0, *euro, *none, 0.5, 0.7, 1.0, 0.0)]
    # what was won by then and is not any more stands beside it
    assert rate(until=30) == [
        WinRateRow("EUR", 0, 1, 0, Decimal("0.00"), Decimal("3.00"), 1, Decimal("7.00"), 0.0, 0.0, 1.0, 0.0)
    ]
    assert rate(since=30) == [WinRateRow("EUR", 0, 1, 0, Decimal("0.00"), Decimal("7.00"), *none, 0.0, 0.0, 1.0, 0.0)]


def test_a_rate_of_nothing_is_null(over: Over):
    views = over(log(PROCESS, ("opportunity-1", 10, opened("0")), ("opportunity-2", 10, opened("0", "USD")),
                     ("opportunity-2", 20, LOST)))  # fmt: skip
    views.catch_up()
    nothing = Decimal("0.00"), Decimal("0.00"), 0, Decimal("0.00")
    assert views.ask("win-rate", Question(mode="cohort")).records == [
        WinRateRow("EUR", 0, 0, 1, *nothing, None, None, 0.0, 1.0),
        WinRateRow("USD", 0, 1, 0, *nothing, 0.0, None, 1.0, 0.0),
    ]
    assert views.ask("win-rate", Question(mode="cohort", since=11)).records == []


def test_two_currencies_are_never_summed_and_each_has_its_own_minor_unit(over: Over):
    views = over(log(PROCESS, *((f"opportunity-{currency}{n}", 10, opened("8", currency))
                                for currency in ("EUR", "JPY", "KWD") for n in range(2))))  # fmt: skip
    views.catch_up()
    assert views.ask("board").records == [
        BoardRow("process-p", "a", "A", "EUR", 2, Decimal("16.00")),
        BoardRow("process-p", "a", "A", "JPY", 2, Decimal("16")),
        BoardRow("process-p", "a", "A", "KWD", 2, Decimal("16.000")),
    ]


def test_a_deal_is_weighted_by_the_process_version_it_is_under(over: Over):
    views = over(log(
        PROCESS, ("opportunity-1", 10, opened("100")),
        ("process-p", 11, process(2, "0.3", "0.9", name=" again")), ("opportunity-2", 12, opened("0.01", version=2)),
        ("opportunity-3", 13, opened("5", stage="c", version=2)),
    ))  # fmt: skip
    views.catch_up()
    assert views.ask("weighted").records == [
        WeightedRow("process-p", "a", "A again", "EUR", 2, Decimal("100.01"), Decimal("10.003000")),
        WeightedRow("process-p", "c", "C", "EUR", 1, Decimal("5.00"), None),
    ]
    assert views.ask("weighted", Question(known_at=2)).records[0].name == "A"


def test_stages_come_in_the_order_of_the_process(over: Over):
    views = over(log(PROCESS, *((f"opportunity-{stage}", 10, opened(stage=stage)) for stage in "cxab")))
    views.catch_up()
    assert [(row.stage, row.name) for row in views.ask("board").records] == [
        ("a", "A"), ("b", "B"), ("c", "C"), ("x", ""),
    ]  # fmt: skip


def test_the_largest_amounts_add_up(over: Over):
    views = over(log(PROCESS, *((f"opportunity-{n}", 10, opened(str(10**14 - 1), "EUR")) for n in range(200))))
    views.catch_up()
    (row,) = views.ask("weighted").records
    assert (row.amount, row.weighted) == (200 * (10**14 - 1), 20 * (10**14 - 1))


def test_a_question_that_makes_no_sense_is_refused(over: Over):
    views = over([])
    with pytest.raises(NotFound, match="there is no metric 'profit'; there are activities, ageing, board, bookings"):
        views.ask("profit")
    with pytest.raises(Malformed, match="mode: funnel has reached_or_beyond, touched, strict, adjacent, not 'naive'"):
        views.ask("funnel", Question(mode="naive"))
    with pytest.raises(Malformed, match="board is asked at a moment"):
        views.ask("board", Question(since=1))
    with pytest.raises(Malformed, match="begins before it ends"):
        views.ask("funnel", Question(since=2, until=2))


def test_every_metric_says_what_it_means():
    for metric in METRICS.values():
        assert "Unit: " in metric.definition
        assert "Source: " in metric.definition


def test_an_answer_names_the_position_that_it_is_for(over: Over):
    views = over(log(PROCESS, ("opportunity-1", 10, opened())))
    assert views.ask("board").known_at == 0
    views.catch_up()
    assert views.ask("board").known_at == views.ask("board", Question(known_at=99)).known_at == 2
    assert views.ask("board", Question(known_at=1, effective_at=10)).known_at == 1
    assert views.ask("board", Question(effective_at=10)).effective_at == 10
    assert views.ask("board", Question(effective_at=END)).effective_at == 10  # the newest, and the clock is before it
    assert views.ask("board").newest == 10


def test_a_period_that_ends_where_the_count_of_time_begins_has_an_end(over: Over):
    views = over(log(("opportunity-1", -5, opened()), ("opportunity-2", 5, opened())))
    views.catch_up()
    by_month = views.explain("board", Question(by=("month",), since=-10, until=10)).figures
    assert [(group, record.deals) for group, record, _ in by_month] == [
        ({"month": "1969-12"}, 1),
        ({"month": "1970-01"}, 2),
    ]
