"""The waterfall worked out by hand: every bucket by the fact that fills it, on both axes, in every kind of scope."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from domain.correction import FactCorrected
from domain.errors import Malformed
from domain.money import Money
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.line_items import Line, LineItemAdded
from domain.opportunity.progress import PipelineChanged
from domain.opportunity.removal import OpportunityDeleted, OpportunityMerged, OpportunityRestored, OpportunityUnmerged
from domain.opportunity.terms import AmountChanged, CloseDateChanged, OwnerChanged
from domain.recorded import Fact
from domain.reference.rate import FxRateSet
from domain.reference.team import TeamChanged
from infra.views import Views
from infra.views.postgres import DIALECT as POSTGRES
from infra.views.postgres import PostgresTables
from infra.views.sqlite import DIALECT as SQLITE
from infra.views.sqlite import SqliteTables
from infra.views.tables import shape, spelled
from projections import METRICS, PROJECTIONS
from projections.figures.waterfall.differences import Change, DealDifference
from projections.query.metric import Period, Query
from projections.query.question import Question
from projections.query.references import References
from projections.query.tables import AnySelect
from projections.versions import END
from tests.offenders import every
from tests.projections.conftest import Over
from tests.projections.histories import FactLog
from tests.projections.test_metrics import PROCESS, log, opened
from tests.projections.test_metrics import to as moved_to
from tests.projections.test_recomputation import raw
from tests.recompute import World, recomputed

DAY = 86_400_000_000
ANN = replace(opened("100"), owner="ann", product="x", close_date=date(2026, 3, 31))
LATER, SOON = CloseDateChanged(None, date(2026, 4, 1)), CloseDateChanged(None, date(2026, 3, 1))


def euros(amount: str, currency: str = "EUR") -> Money:
    return Money(Decimal(amount), currency)


def to(amount: str, currency: str = "EUR") -> AmountChanged:
    return AmountChanged(euros("1"), euros(amount, currency))


def flows(views: Views, **asked: Any) -> dict[str, tuple[int, str]]:
    """(deals, amount) of each bucket that something fell into, by currency where it is not the euro."""
    answer = views.ask("waterfall", Question(**asked))
    found = {
        row.bucket if row.currency == "EUR" else f"{row.bucket} {row.currency}": (row.deals, f"{row.amount:.0f}")
        for row in answer.records
        if row.deals
    }
    for currency in {row.currency for row in answer.records}:
        *parts, closing = [row.amount for row in answer.records if row.currency == currency]
        assert sum(parts) == closing
    return found


WON, LOST, REOPENED = OpportunityWon(euros("120")), OpportunityLost("price"), OpportunityReopened("a", "asked again")
MERGED, UNMERGED = OpportunityMerged("opportunity-2"), OpportunityUnmerged("two")
DELETED, RESTORED = OpportunityDeleted("test"), OpportunityRestored("no test")
LINE = LineItemAdded("i", Line("x", Decimal(2), euros("70")))
OTHER = PipelineChanged("process-q", 1, "a")
QUARTER = {"closes_since": "2026-01-01", "closes_until": "2026-03-31"}

# (scope, events before the period, events in it, what they fill): the deal is Ann's, of 100 EUR, to close by 31 March
STEPS: list[tuple[dict[str, Any], list[Any], list[Any], dict[str, tuple[int, str]]]] = [
    ({}, [], [ANN], {"created": (1, "100")}),
    ({}, [ANN], [to("130")], {"increased": (1, "30")}),
    ({}, [ANN], [LINE], {"increased": (1, "40")}),
    ({}, [ANN], [to("30")], {"decreased": (1, "-70")}),
    ({}, [ANN], [to("130"), to("30")], {"increased": (1, "30"), "decreased": (1, "-100")}),
    (QUARTER, [ANN], [LATER], {"pushed-out": (1, "-100")}),
    (QUARTER, [ANN, LATER], [SOON], {"pulled-in": (1, "100")}),
    ({}, [ANN], [LATER], {}),
    ({}, [ANN], [WON], {"increased": (1, "20"), "won": (1, "-120")}),
    ({}, [ANN], [LOST], {"lost": (1, "-100")}),
    ({}, [ANN, WON], [REOPENED], {"reopened": (1, "120")}),
    ({}, [ANN, LOST], [REOPENED], {"reopened": (1, "100")}),
    ({"owner": "ann"}, [ANN], [OwnerChanged("ann", "bob")], {"transferred-out": (1, "-100")}),
    ({"owner": "bob"}, [ANN], [OwnerChanged("ann", "bob")], {"transferred-in": (1, "100")}),
    ({}, [ANN], [OwnerChanged("ann", "bob")], {}),
    ({"pipeline": "process-p"}, [ANN], [OTHER], {"transferred-out": (1, "-100")}),
    ({"pipeline": "process-q"}, [ANN], [OTHER], {"transferred-in": (1, "100")}),
    ({}, [ANN], [to("90", "USD")], {"transferred-out": (1, "-100"), "transferred-in USD": (1, "90")}),
    ({"currency": "EUR"}, [ANN], [to("90", "USD")], {"transferred-out": (1, "-100")}),
    ({}, [ANN], [MERGED], {"merged-or-deleted": (1, "-100")}),
    ({}, [ANN, MERGED], [UNMERGED], {"restored": (1, "100")}),
    ({}, [ANN], [DELETED], {"merged-or-deleted": (1, "-100")}),
    ({}, [ANN, DELETED], [RESTORED], {"restored": (1, "100")}),
    ({}, [ANN, WON, DELETED], [RESTORED], {}),
    ({"owner": "bob"}, [ANN], [OwnerChanged("ann", "bob"), to("130"), WON],
     {"transferred-in": (1, "100"), "increased": (1, "30"), "decreased": (1, "-10"), "won": (1, "-120")}),
]  # fmt: skip


@every(("scope", "before", "events", "then"), STEPS)
def test_a_fact_fills_the_buckets_of_what_it_changes(
    over: Over, scope: dict[str, Any], before: list[Any], events: list[Any], then: dict[str, tuple[int, str]]
):
    happened = [*((5, event) for event in before), *((20, event) for event in events)]
    views = over(log(PROCESS, *(("opportunity-1", when, event) for when, event in happened)))
    views.catch_up()
    found = flows(views, since=10, until=30, **scope)
    assert {bucket: flow for bucket, flow in found.items() if bucket.split()[0] not in ("opening", "closing")} == then
    if len(events) == 1:
        assert flows(views, since=10, until=30, mode="net", **scope) == found


def test_the_net_form_is_one_step_a_deal(over: Over):
    happened = [(5, ANN), (20, to("130")), (21, LOST), (22, REOPENED), (23, OwnerChanged("ann", "bob")), (24, to("90"))]
    views = over(log(PROCESS, *(("opportunity-1", when, event) for when, event in happened)))
    views.catch_up()
    ends = {"opening": (1, "100"), "closing": (1, "90")}
    assert flows(views, since=10, until=30, mode="net") == ends | {"decreased": (1, "-10")}
    assert flows(views, since=10, until=30) == ends | {
        "increased": (1, "30"), "lost": (1, "-130"), "reopened": (1, "130"), "decreased": (1, "-40"),
    }  # fmt: skip


# (scope, events in the period, what one step from the first state to the last fills): the deal as in STEPS
HANDED = OwnerChanged("ann", "bob")
NET: list[tuple[dict[str, Any], list[Any], dict[str, tuple[int, str]]]] = [
    ({"owner": "bob"}, [HANDED, to("130")], {"transferred-in": (1, "100"), "increased": (1, "30")}),
    ({"owner": "ann"}, [HANDED, to("130")], {"transferred-out": (1, "-100")}),
    ({"owner": "bob"}, [HANDED, WON], {"transferred-in": (1, "100"), "increased": (1, "20"), "won": (1, "-120")}),
    ({"owner": "ann"}, [HANDED, WON], {"transferred-out": (1, "-100")}),
    ({"owner": "bob"} | QUARTER, [HANDED, LATER], {"transferred-in": (1, "100"), "pushed-out": (1, "-100")}),
    (QUARTER, [LATER, to("130")], {"pushed-out": (1, "-100")}),
    ({"closes_since": "2026-04-01"}, [LATER, WON],
     {"pulled-in": (1, "100"), "increased": (1, "20"), "won": (1, "-120")}),
    ({"currency": "USD"}, [OpportunityWon(euros("90", "USD"))],
     {"transferred-in USD": (1, "90"), "won USD": (1, "-90")}),
    ({"owner": "bob"}, [HANDED, OwnerChanged("bob", "eve")], {}),
]  # fmt: skip


@every(("scope", "events", "then"), NET)
def test_one_step_may_lead_through_a_scope(
    over: Over, scope: dict[str, Any], events: list[Any], then: dict[str, tuple[int, str]]
):
    given = log(PROCESS, ("opportunity-1", 5, ANN), *(("opportunity-1", 20, event) for event in events))
    views = over(given)
    views.catch_up()
    asked = Question(since=10, until=30, mode="net", **scope)
    found = flows(views, since=10, until=30, mode="net", **scope)
    assert {bucket: flow for bucket, flow in found.items() if bucket.split()[0] not in ("opening", "closing")} == then
    records = [(row.currency, row.bucket, row.deals, row.amount) for row in views.ask("waterfall", asked).records]
    told = recomputed("waterfall", World([raw(fact) for fact in given], END), asked)
    assert [record for _, record in told.records] == records


def test_what_happened_after_the_moment_asked_for_is_not_in_it(over: Over):
    views = over(log(PROCESS, ("opportunity-1", 5, ANN), ("opportunity-1", 20, to("130")), ("opportunity-1", 25, LOST)))
    views.catch_up()
    assert flows(views, since=10, until=30, effective_at=22) == {
        "opening": (1, "100"), "increased": (1, "30"), "closing": (1, "130"),
    }  # fmt: skip
    assert flows(views, since=10, until=30, effective_at=7) == {}  # which has not begun then
    assert flows(views, since=1, until=2) == {}


def test_an_owner_who_changes_teams_takes_their_deals_along(over: Over):
    views = over(log(
        PROCESS, ("team-n", 0, TeamChanged("North", "", ("ann",))), ("opportunity-1", 5, ANN),
        ("team-s", 20, TeamChanged("South", "", ("ann",))), ("team-n", 20, TeamChanged("North", "", ())),
        ("opportunity-1", 25, to("130")),
    ))  # fmt: skip
    views.catch_up()
    north = {"opening": (1, "100"), "transferred-out": (1, "-100")}
    assert flows(views, since=10, until=30, team="team-n") == north
    assert flows(views, since=10, until=30, team="team-s") == {
        "transferred-in": (1, "100"), "increased": (1, "30"), "closing": (1, "130"),
    }  # fmt: skip
    answer = views.ask("waterfall", Question(since=10, until=30, by=("team",)))
    apart = {(g["team"], row.bucket) for g, row in zip(answer.groups, answer.records, strict=True) if row.deals}
    assert {("team-n", "transferred-out"), ("team-s", "transferred-in"), ("team-s", "closing")} <= apart


def rate(day: str, of: str) -> FxRateSet:
    return FxRateSet("USD", "EUR", date.fromisoformat(day), Decimal(of))


def test_another_rate_revalues_what_stands_still(over: Over):
    dollars = replace(opened("100.05", "USD"), owner="ann")
    views = over(log(
        PROCESS, ("rate-e", 0, rate("1970-01-01", "0.5")), ("rate-e", 0, rate("1970-01-03", "0.7")),
        ("opportunity-1", 5, dollars), ("opportunity-1", 3 * DAY, to("200", "USD")),
        ("opportunity-2", 5, ANN), ("opportunity-3", 6, opened("7", "JPY")),
    ))  # fmt: skip
    views.catch_up()
    asked = Question(since=10, until=4 * DAY, convert_to="EUR")
    answer = views.ask("waterfall", asked)
    assert {row.bucket: (row.deals, row.amount) for row in answer.records if row.deals} == {
        "opening": (2, Decimal("150.03")),  # 50.025, away from zero
        "revalued": (1, Decimal("20.01")),  # to 70.04 on the third day
        "increased": (1, Decimal("69.96")),
        "closing": (2, Decimal("240.00")),
    }
    assert answer.left_out == {"no rate from JPY to EUR on 1970-01-01": 1}
    assert views.ask("waterfall", replace(asked, since=6)).left_out == answer.left_out
    assert views.ask("waterfall", replace(asked, mode="net")).records[0] == answer.records[0]


def corrected(position: int, version: int, corrects: int, when: int, event: Any) -> Fact:
    tag = str(FactCorrected.__struct_config__.tag)
    return Fact(position, "opportunity-1", version, tag, when, event, corrects)


def test_what_has_become_known_since_restates_the_opening(over: Over):
    given = log(PROCESS, ("opportunity-1", 5, ANN), ("opportunity-1", 20, to("130")), ("opportunity-1", 8, to("90")))
    views = over([*given, corrected(5, 4, 1, 5, replace(ANN, owner="bob"))])
    views.catch_up()
    assert flows(views, since=10, until=30, known_before=3) == {
        "opening": (1, "100"), "restated": (1, "-10"), "increased": (1, "40"), "closing": (1, "130"),
    }  # fmt: skip
    assert "restated" not in flows(views, since=10, until=30, known_before=4)
    assert flows(views, since=10, until=30, known_before=3, owner="bob") == {
        "restated": (1, "90"), "increased": (1, "40"), "closing": (1, "130"),
    }  # fmt: skip


def test_on_the_known_axis_a_correction_is_told_apart_from_what_happened(over: Over):
    given = log(
        PROCESS, ("opportunity-1", 5, ANN), ("opportunity-1", 20, to("130")),  # positions 2 and 3
        ("opportunity-2", 6, ANN), ("opportunity-2", 7, WON), ("opportunity-1", 8, OwnerChanged("ann", "bob")),
    )  # fmt: skip
    views = over([*given, corrected(7, 4, 2, 20, to("50")), corrected(8, 5, 2, 20, None)])
    views.catch_up()
    assert flows(views, known_before=2) == {
        "opening": (1, "100"), "created": (1, "100"), "increased": (2, "50"), "won": (1, "-120"),
        "corrected": (2, "-30"), "closing": (1, "100"),
    }  # fmt: skip
    assert flows(views, known_before=3, known_at=6, owner="ann") == {
        "opening": (1, "130"), "created": (1, "100"), "increased": (1, "20"), "won": (1, "-120"),
        "transferred-out": (1, "-130"),
    }  # fmt: skip
    assert flows(views, known_before=6, known_at=7) == {
        "opening": (1, "130"), "corrected": (1, "-80"), "closing": (1, "50"),
    }  # fmt: skip
    assert flows(views, known_before=1, effective_at=10, mode="net") == {"created": (1, "100"), "closing": (1, "100")}


def test_a_question_that_makes_no_sense_is_refused(over: Over):
    views = over([])
    for asked, said in (
        (Question(since=1), "since, until: waterfall needs both"),
        (Question(since=1, until=2, closes_since="2026-3-1"), "closes_since: '2026-3-1' is not a day"),
        (Question(since=1, until=2, closes_since="2026-03-01", closes_until="2026-02-01"), "must not lie after"),
        (Question(known_before=7, known_at=6), "known_before: must not lie after known_at"),
        (Question(known_before=7, known_at=9, by=("month",)), "waterfall by month needs both"),
    ):
        with pytest.raises(Malformed, match=said):
            views.ask("waterfall", asked)
    with pytest.raises(Malformed, match="closes_since, closes_until: ageing is not about when deals are to close"):
        views.ask("ageing", Question(closes_since="2026-03-01"))
    with pytest.raises(Malformed, match="known_before: board is asked at one position"):
        views.ask("board", Question(known_before=1))


def test_the_rows_of_a_bucket_are_the_facts_that_filled_it(over: Over):
    views = over(log(PROCESS, ("opportunity-1", 5, ANN), ("opportunity-1", 20, to("130")), ("opportunity-1", 21, LOST)))
    views.catch_up()
    told = views.explain("waterfall", Question(since=10, until=30))
    rows = {record.bucket: [(row.version, row.adds) for row in rows] for _, record, rows in told.figures if rows}
    assert rows == {
        "opening": [(1, {"deals": 1, "amount": Decimal("100.00")})],
        "increased": [(2, {"deals": 1, "amount": Decimal("30.00")})],
        "lost": [(3, {"deals": 1, "amount": Decimal("-130.00")})],
    }


def test_two_moments_differ_in_the_deals_that_came_moved_changed_or_went(over: Over):
    views = over([
        *log(
            PROCESS,
            ("opportunity-1", 5, ANN), ("opportunity-1", 20, to("130")), ("opportunity-1", 20, moved_to("b")),
            ("opportunity-2", 5, ANN), ("opportunity-2", 20, LOST),
            ("opportunity-3", 5, ANN), ("opportunity-3", 6, DELETED), ("opportunity-3", 20, RESTORED),
            ("opportunity-4", 20, ANN), ("opportunity-4", 21, OpportunityWon(euros("100"))),
            ("opportunity-5", 5, ANN), ("opportunity-5", 6, LOST), ("opportunity-5", 20, REOPENED),
            ("opportunity-6", 5, ANN), ("opportunity-6", 20, MERGED), ("opportunity-7", 5, ANN),
        ),
        corrected(18, 4, 1, 40, ANN),
    ])  # fmt: skip
    views.catch_up()
    amount = Change("amount", "100.00 EUR", "130.00 EUR")
    many = {"known_at": 17, "since": 10, "until": 30}
    assert views.compare(Question(**many)) == [
        DealDifference("opportunity-1", ("moved", "changed"), (Change("stage", "a", "b"), amount), "130.00 EUR", "ann"),
        DealDifference("opportunity-2", ("lost",), (), "100.00 EUR", "ann", reason="price"),
        DealDifference("opportunity-3", ("restored",), (), "100.00 EUR", "ann"),
        DealDifference("opportunity-4", ("created", "won"), (), "100.00 EUR", "ann"),
        DealDifference("opportunity-5", ("reopened",), (), "100.00 EUR", "ann"),
        DealDifference("opportunity-6", ("merged",), (), "100.00 EUR", "ann"),
    ]
    assert views.compare(Question(**many, owner="bob")) == []
    assert views.compare(Question(known_before=17, effective_at=30)) == [
        DealDifference("opportunity-1", ("taken-back",), (), "130.00 EUR", "ann")
    ]
    found = views.compare(Question(known_before=2, known_at=5, effective_at=END))
    assert [(each.stream, each.kinds) for each in found] == [
        ("opportunity-1", ("moved", "changed")), ("opportunity-2", ("created",)),
    ]  # fmt: skip


def path_select() -> AnySelect:
    """The select that sums the facts of a period."""
    asked: list[AnySelect] = []

    def run(select: AnySelect) -> list[Any]:
        asked.append(select)
        return []

    metric = METRICS["waterfall"]
    checked, periods = metric.checked(Question(since=1, until=9)), [Period("", 1, 9)]
    list(metric.parts(Query(checked, References(), run, 9, periods, set())))
    [found] = [select for select in asked if "was_amount" in str(select)]
    return found


def test_the_path_is_summed_from_an_index_alone_and_unsorted_on_sqlite(tmp_path: Path):
    tables = SqliteTables(str(tmp_path / "views.db"))
    Views(tables, FactLog())  # type: ignore[arg-type]
    text, parameters = spelled(path_select(), SQLITE)
    with tables.reading(shape(PROJECTIONS)) as snapshot:
        plan = str(list(snapshot._connection.execute(f"EXPLAIN QUERY PLAN {text}", parameters)))  # type: ignore[attr-defined]
    assert "USING COVERING INDEX opportunities_path (known_to=?)" in plan
    assert "TEMP B-TREE" not in plan
    tables.disconnect()


def test_the_path_is_summed_from_an_index_on_postgresql(postgres_url: str):
    tables = PostgresTables(postgres_url)
    Views(tables, FactLog())  # type: ignore[arg-type]
    text, parameters = spelled(path_select(), POSTGRES)
    with tables.reading(shape(PROJECTIONS)) as snapshot:
        connection = snapshot._connection  # type: ignore[attr-defined]
        connection.execute("SET LOCAL enable_seqscan = off")
        plan = str(connection.execute(f"EXPLAIN {text}".encode(), parameters).fetchall())
    assert "opportunities_path" in plan
    tables.disconnect()
