"""The tables at every moment hold what the domain's own fold comes to, however they were kept up, on both databases."""

from os import environ
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.json import decode
from msgspec.structs import astuple, replace
from sqlalchemy import select

from domain import BY_KIND, kind, opportunity
from domain.history import History, effective_order
from domain.money import minor_units
from domain.recorded import Fact
from infra.views.tables import shape
from projections import PROJECTIONS
from projections.query.question import Question
from projections.query.tables import effective, known, table_of
from projections.rows import follow_ups, leads, opportunities
from projections.versions import END, Projection, from_cells
from tests.projections.conftest import Over
from tests.projections.histories import CURRENCIES, QUESTIONS, histories
from tests.thorough import thorough

EXAMPLES = int(environ.get("DEALTRAIL_EXAMPLES", "25"))
often = thorough(EXAMPLES)


@often
@given(facts=histories(), page=st.integers(1, 9))
def test_tables_kept_up_page_by_page_equal_rebuilt_ones(over: Over, facts: list[Fact], page: int):
    views = over(facts)
    assert views.catch_up(page, far=END) == facts[-1].position == views.position()
    incremental = views.digest()
    views.rebuild()
    assert views.digest() == incremental


@often
@given(facts=histories(), question=QUESTIONS)
def test_no_sum_ever_mixes_currencies(over: Over, facts: list[Fact], question: Question):
    views = over(facts)
    views.catch_up()
    everything = replace(question, currency=None)
    for metric in ("board", "weighted", "win-rate"):
        all_of_it = views.ask(metric, everything).records
        for currency in CURRENCIES:
            alone = [row for row in all_of_it if row.currency == currency]
            assert views.ask(metric, replace(question, currency=currency)).records == alone
    for deal in (state.deal for state in folded(facts, "opportunity").values()):
        assert {line.unit_price.currency for line in deal.lines.values()} <= {deal.amount.currency}


def folded(facts: list[Fact], of: str) -> dict[str, Any]:
    """What the domain itself makes of each stream of a kind."""
    streams = {fact.stream for fact in facts if kind(fact.stream) == of}
    histories = (History(name, BY_KIND[of], [f for f in facts if f.stream == name]) for name in streams)
    return {history.stream: history.state for history in histories if history.state is not None}


def rows(over: Over, facts: list[Fact], page: int, projection: Projection) -> dict[str, Any]:
    """The rows known and true at the end, by stream."""
    views = over(facts)
    views.catch_up(page, far=END)
    standing = select(table_of(projection)).where(known(table_of(projection)), effective(table_of(projection)))
    with views._tables.reading(shape(PROJECTIONS)) as snapshot:  # type: ignore[attr-defined]
        found = [from_cells(projection, row) for row in snapshot.select(standing)]
    assert len({version.stream for version in found}) == len(found)
    return {version.stream: version.row for version in found}


def status(state: Any) -> str:
    return type(state).__name__.lower()


@often
@given(facts=histories(), page=st.integers(1, 9))
def test_the_last_row_of_a_deal_is_what_the_domain_folds_it_to(over: Over, facts: list[Fact], page: int):
    folds = folded(facts, "opportunity")
    made = rows(over, facts, page, opportunities.PROJECTION)
    assert set(made) == set(folds)
    for stream, state in folds.items():
        row, deal = made[stream], state.deal
        chance, day = deal.judgement.probability, deal.terms.close_date
        assert (row.status, row.before) == (status(state), status(state.before) if hasattr(state, "before") else "")
        assert (row.process, row.process_version, row.stage) == astuple(deal.progress)
        assert (row.amount, row.currency) == (minor_units(deal.amount), deal.amount.currency)
        assert (row.stated, row.stated_currency) == (minor_units(deal.terms.amount), deal.terms.amount.currency)
        assert (row.owner, row.account) == (deal.terms.owner, deal.terms.account)
        assert row.close_date == (day.isoformat() if day else "")
        assert row.probability == (-1 if chance is None else int(chance * 10_000))
        assert row.category == (deal.judgement.category or "")


@often
@given(facts=histories(), page=st.integers(1, 9))
def test_the_last_row_of_a_lead_is_what_the_domain_folds_it_to(over: Over, facts: list[Fact], page: int):
    folds = folded(facts, "lead")
    made = rows(over, facts, page, leads.PROJECTION)
    assert set(made) == set(folds)
    for stream, state in folds.items():
        row, lead = made[stream], state.lead
        assert (row.status, row.before) == (status(state), status(state.before) if hasattr(state, "before") else "")
        assert (row.source, row.owner, row.company) == (lead.captured.source, lead.profile.owner, lead.profile.company)
        assert row.opportunity == getattr(state, "opportunity", "")


@often
@given(facts=histories(), page=st.integers(1, 9))
def test_the_last_follow_up_of_a_deal_is_what_the_domain_folds_it_to(over: Over, facts: list[Fact], page: int):
    folds = folded(facts, "opportunity")
    made = rows(over, facts, page, follow_ups.PROJECTION)
    assert set(made) == set(folds)
    for stream, state in folds.items():
        row, told = made[stream], state.deal.follow_up
        activities: dict[str, str] = decode(row.activities)
        assert row.status == status(state)
        due = told.next_step_due.isoformat() if told.next_step_due else ""
        assert (row.step, row.step_due) == (bool(told.next_step or due), due)
        assert {activity for activity, day in activities.items() if day} == told.planned - told.done
        assert {activity for activity, day in activities.items() if not day} == told.done
        assert (row.contacts, row.activity_due) == (len(told.done), min(filter(None, activities.values()), default=""))
        assert row.last_contact == last_contact(facts, stream)


def last_contact(facts: list[Fact], stream: str) -> int:
    """When the domain's fold of a deal last took an activity for done that was not; 0 for never."""
    state, last = None, 0
    for when, _, fact in effective_order([fact for fact in facts if fact.stream == stream]):
        after = opportunity.evolve(state, fact.event)
        if state and after and len(after.deal.follow_up.done) > len(state.deal.follow_up.done):
            last = when
        state = after
    return last
