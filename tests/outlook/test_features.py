"""What a model learns from says what could be known on a day, and a label since when it could be known."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import Malformed, NotFound
from domain.opportunity.closing import LoseOpportunity, OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.follow_up import ActivityCompleted
from domain.opportunity.judgement import ForecastCategoryChanged
from domain.opportunity.progress import StageChanged
from domain.opportunity.removal import OpportunityDeleted
from domain.opportunity.terms import AmountChanged, CloseDateChanged, OwnerChanged
from domain.recorded import Fact, Request, micros
from infra.application.app import opened
from infra.application.feature_files import export_features
from infra.application.simulator import Plan, SimulatedClock, simulate
from infra.settings import Settings
from projections.outlook.cuts import cut
from projections.outlook.days import as_date, day_number, day_of, end_of
from projections.outlook.features import Feature, Label, Observer, Snapshots, snapshot_days
from projections.outlook.states import known
from tests.offenders import every
from tests.outlook.logs import FIRST, REFERENCES, deal, earliest, latest, of_deals, opening, poisoned, recorded, to, usd
from tests.projections.histories import Scale
from tests.projections.test_moments import EXAMPLES
from tests.thorough import thorough

ALL_KNOWN = 2**62


def observed(log: Sequence[Fact], days: Sequence[int], until: int = ALL_KNOWN) -> tuple[list[Feature], list[Label]]:
    observer = Observer(REFERENCES, Snapshots(days, 7, until))
    rows = [row for facts in of_deals(log) for row in observer.rows(facts)]
    return [feature for feature, _ in rows], [label for _, labels in rows for label in labels]


def days_of(log: Sequence[Fact]) -> list[int]:
    """Up to twenty days of a log, from the first on which anything was known to the last."""
    first, last = (day_of(REFERENCES.calendar, edge(log)) for edge in (earliest, latest))
    return sorted({first + (last - first) * step // 20 for step in range(21)})


@thorough(EXAMPLES)
@given(made=recorded(), data=st.data())
def test_nothing_that_came_later_changes_a_row_of_before(made: tuple[list[Fact], Scale], data: st.DataObject):
    log, scale = made
    whole, _ = observed(log, days := days_of(log))
    for day in days:
        moment = end_of(REFERENCES.calendar, day)
        before = [row for row in whole if row.as_of == as_date(day)]
        assert observed([fact for fact in log if fact.available <= moment], [day])[0] == before
        assert observed(data.draw(st.composite(poisoned)(log, moment, scale)), [day])[0] == before


@thorough(EXAMPLES)
@given(made=recorded())
def test_a_label_says_from_when_on_it_could_be_known(made: tuple[list[Fact], Scale]):
    log, _ = made
    _, labels = observed(log, days := days_of(log))
    for day in days:
        moment = end_of(REFERENCES.calendar, day)
        _, then = observed([fact for fact in log if fact.available <= moment], days, moment)
        known_then = [label for label in labels if micros(label.label_known_at) <= moment]
        assert known_then == [label for label in then if label in known_then]  # nothing was known otherwise


@thorough(EXAMPLES)
@given(made=recorded(), data=st.data())
def test_rows_agree_with_the_cut_of_their_day(made: tuple[list[Fact], Scale], data: st.DataObject):
    log, _ = made
    day = data.draw(st.sampled_from(days_of(log)))
    seen = cut(known(of_deals(log), REFERENCES, "USD"), day)
    lives, streams = seen.lives, [seen.stream(row) for row in range(len(seen.at))]
    deals, labels = lives.deals, lives.labels

    def text(of: str, row: int) -> str:
        code = getattr(deals, of)[row]
        return getattr(labels, of)[code] if code >= 0 else ""

    expected = [
        (streams[row], labels.stages[deals.stage[row]], day - deals.entered[row], day - deals.opened[row],
         deals.pushes[row], *(text(of, row) for of in ("owner", "team", "product", "source", "category")))
        for row in range(len(streams)) if deals.status[row] == 0
    ]  # fmt: skip
    rows, _ = observed(log, [day])
    assert [
        (row.deal, (row.process, row.stage), row.days_in_stage, row.age_days, row.pushes, row.owner, row.team,
         row.product, row.source, row.category) for row in rows
    ] == expected  # fmt: skip


LIVED = deal(
    (opening(close_date=date(2024, 1, 20), product="x", source="web"), 0), (to("b"), 3),
    (AmountChanged(usd(100), usd(80)), 4), (ActivityCompleted("1", "call"), 5), (StageChanged("b", "a", 1, "back"), 6),
    (CloseDateChanged(date(2024, 1, 20), date(2024, 2, 10)), 6), (ForecastCategoryChanged(None, "commit"), 7),
    (OwnerChanged("ann", "bob"), 8), (OpportunityWon(usd(75)), 50, 60),
)  # fmt: skip


def test_a_row_says_all_that_there_was_to_know():
    [row], labels = observed(LIVED, [FIRST + 45])
    assert row == Feature(
        deal="opportunity-s", as_of=date(2024, 2, 15), process="process-p", process_version=1, stage="a",
        days_in_stage=39, age_days=45, moves=2, backward_moves=1, pushes=1, pushed_days=21, past_due_days=5,
        expected_close=date(2024, 2, 10), category="commit", category_source="hand", amount=Decimal("80.00"),
        currency="USD", amount_at_first=Decimal("100.00"), currency_at_first="USD", amount_changes=1, owner="bob",
        team="team-s", product="x", source="web", days_since_activity=40, position=7,
        available_until=datetime(2024, 2, 16, 4, 59, 59, 999_999, UTC),
    )  # fmt: skip
    known_at = datetime(2024, 3, 17, 3, 59, 59, 999_999, UTC)  # in New York the clocks were put forward before
    assert labels[0] == Label(
        "opportunity-s", date(2024, 2, 15), "30d", date(2024, 3, 16), "won", True, Decimal("75.00"), "USD",
        date(2024, 2, 20), known_at, 7,
    )  # fmt: skip
    assert [(label.horizon, str(label.horizon_end)) for label in labels] == [
        ("30d", "2024-03-16"), ("60d", "2024-04-15"), ("90d", "2024-05-15"), ("quarter", "2024-03-31"),
    ]  # fmt: skip


def test_what_was_recorded_after_its_horizon_was_known_from_then_on_only():
    late = deal((opening(), 0), (OpportunityLost("price"), 10, 100))
    _, labels = observed(late, [FIRST])
    assert [(each.outcome, str(each.closed_on)) for each in labels] == [("lost", "2024-01-11")] * 4
    assert [(each.label_known_at - datetime(2024, 1, 1, tzinfo=UTC)).days for each in labels] == [100, 100, 100, 100]


def test_what_became_of_a_deal_that_went_is_not_known():
    _, labels = observed(deal((opening(), 0), (OpportunityDeleted("?"), 40)), [FIRST])
    assert [(each.horizon, each.outcome, each.won) for each in labels] == [
        ("30d", "open", False), ("60d", "gone", None), ("90d", "gone", None), ("quarter", "gone", None),
    ]  # fmt: skip


def test_a_horizon_that_is_not_over_has_no_label():
    until = (FIRST + 70) * 86_400_000_000
    features, labels = observed(deal((opening(), 0)), [FIRST], until)
    assert (len(features), [each.horizon for each in labels]) == (1, ["30d", "60d"])


def test_a_deal_that_was_reopened_is_looked_at_again():
    again = deal((opening(), 0), (OpportunityLost("price"), 10), (OpportunityReopened("b", "?"), 20))
    features, _ = observed(again, [FIRST + each for each in (5, 15, 25, 400)])
    assert [(row.as_of.isoformat(), row.stage) for row in features] == [
        ("2024-01-06", "a"), ("2024-01-26", "b"), ("2025-02-04", "b"),
    ]  # fmt: skip


@every(
    ("every", "days"),
    [
        ("day", ["2024-03-28", "2024-03-29", "2024-03-30", "2024-03-31", "2024-04-01"]),
        ("week", ["2024-03-31"]), ("month", ["2024-03-31"]), ("quarter", ["2024-03-31"]),
    ],
)  # fmt: skip
def test_looks_are_taken_at_the_ends_of_periods_that_are_over(every: str, days: list[str]):
    first, last = day_number(date(2024, 3, 28)), day_number(date(2024, 4, 1))
    assert [as_date(day).isoformat() for day in snapshot_days(REFERENCES, every, first, last)] == days


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    log = Settings(db=f"sqlite:///{tmp_path_factory.mktemp('features')}/a.db", actor="ann", confirm_clock=True)
    plan = Plan(120, datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 12, 31, tzinfo=UTC), 7)
    with opened(log, clock := SimulatedClock(plan)) as app:
        simulate(app.dispatcher(cached=True), plan, lambda _: None, clock)
    return log


def test_the_same_position_makes_the_same_files(simulated: Settings, tmp_path: Path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with opened(simulated) as app:
        first = export_features(app, tmp_path / "a")
        position = first.position
        still_open = pyarrow.parquet.read_table(tmp_path / "a" / "features.parquet").to_pylist()[-1]["deal"]
        lost = LoseOpportunity("price")
        app.execute(
            Request(stream=still_open, command=lost, actor="ann", occurred_at=datetime(2025, 12, 30, tzinfo=UTC))
        )
    with opened(simulated) as app:
        second = export_features(app, tmp_path / "b", upto=position)
    for name in ("features.parquet", "labels.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert (first.features.digest, first.labels.digest) == (second.features.digest, second.labels.digest)
    about = pyarrow.parquet.read_metadata(tmp_path / "a" / "features.parquet").metadata
    assert about[b"dealtrail.position"] == str(position).encode()
    assert about[b"dealtrail.digest"] == first.features.digest.encode()
    assert b"available from the instant at which it was recorded" in about[b"dealtrail.axis"]
    assert first.features.rows > 300


def test_an_earlier_position_makes_the_days_before_it(simulated: Settings, tmp_path: Path):
    (tmp_path / "part").mkdir()
    with opened(simulated) as app:
        export_features(app, tmp_path)
        export_features(app, tmp_path / "part", upto=app.log.head() // 2)

    def rows(folder: Path) -> list[dict[str, Any]]:
        return pyarrow.parquet.read_table(folder / "features.parquet").drop(["position"]).to_pylist()

    early = rows(tmp_path / "part")
    last = max(row["as_of"] for row in early)
    assert early == [row for row in rows(tmp_path) if row["as_of"] <= last]


def test_what_cannot_be_exported_is_refused(tmp_path: Path):
    with opened(Settings(db=f"sqlite:///{tmp_path}/a.db", actor="ann")) as app:
        app.dispatcher()
        with pytest.raises(NotFound, match="opportunities: none is known yet"):
            export_features(app, tmp_path)
        with pytest.raises(Malformed, match="every: 'year' is none of day, week, month, quarter"):
            export_features(app, tmp_path, "year")
    assert not [*tmp_path.glob("*parquet*")]
