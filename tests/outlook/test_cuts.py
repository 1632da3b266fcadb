"""A cut sees what somebody could have known at the end of a day, and nothing that came later."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.money import Money
from domain.opportunity import OpportunityOpened
from domain.opportunity.closing import OpportunityLost, OpportunityReopened, OpportunityWon
from domain.opportunity.follow_up import ActivityCompleted
from domain.opportunity.judgement import ForecastCategoryChanged
from domain.opportunity.removal import OpportunityDeleted, OpportunityMerged, OpportunityRestored
from domain.opportunity.terms import AmountChanged, CloseDateChanged, OwnerChanged
from domain.recorded import Fact
from projections.outlook import archive
from projections.outlook import known as known_deals
from projections.outlook.archive import STATUSES
from projections.outlook.cuts import Cut, cut
from projections.outlook.days import day_of, end_of
from projections.outlook.lives import CENSORED, GONE, LOST, NEVER, NONE, OPEN, TO_LOST, TO_WON, WON
from projections.outlook.states import known
from projections.rows import opportunities
from projections.versions import END, relevant, versions
from tests.outlook.logs import FIRST, REFERENCES, deal, earliest, latest, of_deals, opening, poisoned, recorded, to, usd
from tests.projections.histories import Scale
from tests.projections.test_moments import EXAMPLES
from tests.thorough import thorough

CUTS = 20


def written(of: Cut) -> list[object]:
    """A cut as something that is equal where every byte is."""
    lives = of.lives
    arrays = [array.tobytes() for array in (*lives.visits, *lives.deals)]
    return [
        lives.cut,
        lives.start,
        lives.currency,
        lives.labels,
        of.streams[of.at].tolist(),
        of.unpriced.tolist(),
        arrays,
    ]


@thorough(EXAMPLES)
@given(made=recorded(), data=st.data())
def test_nothing_that_came_later_changes_a_cut(made: tuple[list[Fact], Scale], data: st.DataObject):
    log, scale = made
    whole = known(of_deals(log), REFERENCES, "USD")
    first, last = (day_of(REFERENCES.calendar, edge(log)) for edge in (earliest, latest))
    for day in sorted({first + (last - first) * step // CUTS for step in range(CUTS + 1)}):
        moment = end_of(REFERENCES.calendar, day)
        seen = written(cut(whole, day))
        there = [fact for fact in log if fact.available <= moment]
        assert written(cut(known(of_deals(there), REFERENCES, "USD"), day)) == seen
        worse = data.draw(st.composite(poisoned)(log, moment, scale))
        assert written(cut(known(of_deals(worse), REFERENCES, "USD"), day)) == seen


@thorough(EXAMPLES)
@given(made=recorded())
def test_deals_are_read_in_any_order_and_however_many_at_once(made: tuple[list[Fact], Scale]):
    log, _ = made
    day = day_of(REFERENCES.calendar, latest(log))
    at_once = cut(known(of_deals(log), REFERENCES, "USD"), day)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(archive, "BLOCK", 3)
        assert written(cut(known(reversed(of_deals(log)), REFERENCES, "USD"), day)) == written(at_once)


@thorough(EXAMPLES)
@given(made=recorded(), data=st.data())
def test_visits_cover_just_the_days_at_whose_end_a_deal_was_open(made: tuple[list[Fact], Scale], data: st.DataObject):
    log, _ = made
    first, last = (day_of(REFERENCES.calendar, edge(log)) for edge in (earliest, latest))
    day = data.draw(st.integers(first, last))
    moment = end_of(REFERENCES.calendar, day)
    seen = cut(known(of_deals(log), REFERENCES, "USD"), day)
    lives, streams = seen.lives, [seen.stream(row) for row in range(len(seen.at))]
    visits, deals, labels = lives.visits, lives.deals, lives.labels
    expected = dict[str, opportunities.Opportunity]()
    for facts in of_deals([fact for fact in log if fact.available <= moment]):
        counted = relevant(opportunities.PROJECTION, facts)
        rows = versions(opportunities.PROJECTION, counted) if counted else []
        rows = [row for row in rows if row.known_to == END]
        for each in range(max(first - 400, day - 40), day + 1):
            at = [row.row for row in rows if row.effective_from <= end_of(REFERENCES.calendar, each) < row.effective_to]
            covering = [
                row for row in range(len(visits.deal))
                if streams[visits.deal[row]] == facts[0].stream and visits.since[row] <= each < visits.left[row]
            ]  # fmt: skip
            stages = [labels.stages[visits.stage[row]] for row in covering]
            assert stages == [(row.process, row.stage) for row in at if row.status == "open"]
            if at and each == day:
                expected[facts[0].stream] = at[0]
    assert streams == sorted(expected)
    assert deals.status.tolist() == [STATUSES[expected[stream].status] for stream in streams]
    assert deals.opened.tolist() == [day_of(REFERENCES.calendar, expected[stream].opened_at) for stream in streams]
    assert (deals.closed[deals.status == OPEN] == NEVER).all()
    assert (deals.closed[deals.status != OPEN] <= day).all()
    assert (visits.left > visits.since).all()
    assert (visits.since >= visits.entered).all()


def cut_of(*deals: list[Fact], day: int) -> Cut:
    return cut(known(deals, REFERENCES, "USD"), FIRST + day)


def visits(of: Cut) -> list[tuple[str, int, int, int | None, str | int]]:
    """(stage, entered, since, left, exit) of each visit, days from the first on."""
    labels, arrays = of.lives.labels.stages, [each.tolist() for each in of.lives.visits]
    return [
        (
            labels[stage][1], entered - FIRST, since - FIRST, None if left == NEVER else left - FIRST,
            labels[leads_to][1] if leads_to >= 0 else leads_to,
        )
        for _, stage, entered, since, left, leads_to, *_ in zip(*arrays, strict=True)
    ]  # fmt: skip


LOST_LAST_MONTH = deal((opening(), 0), (OpportunityLost("price"), 10, 40))


def test_a_loss_recorded_later_was_not_known_before():
    assert cut_of(LOST_LAST_MONTH, day=39).lives.deals.status.tolist() == [OPEN]
    assert visits(cut_of(LOST_LAST_MONTH, day=39)) == [("a", 0, 0, None, CENSORED)]
    assert cut_of(LOST_LAST_MONTH, day=40).lives.deals.status.tolist() == [LOST]
    assert visits(cut_of(LOST_LAST_MONTH, day=40)) == [("a", 0, 0, 10, TO_LOST)]


def test_a_planted_leak_is_caught(monkeypatch: pytest.MonkeyPatch):
    def leaking(facts: Sequence[Fact]) -> list[known_deals.Stretch]:
        return [each._replace(known_from=each.since) for each in known_deals.stretches(facts)]

    monkeypatch.setattr(archive, "stretches", leaking)
    there = [fact for fact in LOST_LAST_MONTH if fact.available <= end_of(REFERENCES.calendar, FIRST + 20)]
    assert written(cut_of(LOST_LAST_MONTH, day=20)) != written(cut_of(there, day=20))


def test_what_an_import_brings_as_history_was_known_when_it_happened():
    imported = [fact._replace(available=fact.occurred_at) for fact in LOST_LAST_MONTH]
    assert visits(cut_of(imported, day=9)) == [("a", 0, 0, None, CENSORED)]
    assert visits(cut_of(imported, day=10)) == [("a", 0, 0, 10, TO_LOST)]
    assert cut_of(imported, day=10).lives.start == FIRST


def test_a_log_tells_everything_from_its_first_record_on():
    assert cut_of(deal((opening(), 0, 30)), day=40).lives.start == FIRST + 30


def test_of_one_day_the_end_counts():
    moved = deal(
        (opening(), 0), (to("b"), 3), (to("c"), 3.1), (OpportunityWon(usd(90)), 7), (OpportunityReopened("b", "?"), 7.2)
    )
    assert visits(cut_of(moved, day=9)) == [("a", 0, 0, 3, "c"), ("c", 3, 3, 7, "b"), ("b", 7, 7, None, CENSORED)]
    assert visits(cut_of(deal((opening(), 0), (OpportunityWon(usd(1)), 0.1)), day=3)) == []


def test_a_deal_that_was_merged_or_deleted_is_censored_on_that_day_and_never_dropped_before():
    gone = deal(
        (opening(), 0),
        (OpportunityDeleted("?"), 5),
        (OpportunityRestored("?"), 8),
        (OpportunityMerged("opportunity-t"), 9),
    )
    assert visits(cut_of(gone, day=4)) == [("a", 0, 0, None, CENSORED)]
    assert visits(cut_of(gone, day=9)) == [("a", 0, 0, 5, CENSORED), ("a", 0, 8, 9, CENSORED)]
    deals = cut_of(gone, day=9).lives.deals
    assert (deals.status.tolist(), deals.closed.tolist()) == ([GONE], [FIRST + 9])


def test_what_may_change_while_a_deal_stays_parts_its_visit():
    changed = deal(
        (opening(close_date=date(2024, 2, 1)), 0), (CloseDateChanged(date(2024, 2, 1), date(2024, 3, 5)), 2),
        (ActivityCompleted("1", "call"), 4), (ForecastCategoryChanged(None, "commit"), 6),
        (OwnerChanged("ann", "bob"), 7),
    )  # fmt: skip
    rows = cut_of(changed, day=9).lives
    assert visits(cut_of(changed, day=9)) == [
        ("a", 0, 0, 2, CENSORED), ("a", 0, 2, 4, CENSORED), ("a", 0, 4, 6, CENSORED), ("a", 0, 6, None, CENSORED),
    ]  # fmt: skip
    assert rows.visits.due.tolist() == [FIRST + 31, *3 * [FIRST + 64]]
    assert rows.visits.pushes.tolist() == [0, 1, 1, 1]
    assert rows.visits.contact.tolist() == [NONE, NONE, FIRST + 4, FIRST + 4]
    assert [rows.labels.category[code] for code in rows.visits.category] == ["pipeline"] * 3 + ["commit"]


def test_a_deal_counts_for_whose_it_was_when_it_closed_and_is_while_open():
    closed = deal((opening(owner="bob"), 0), (OpportunityWon(usd(70)), 20))  # before bob moved to the north
    still_open = deal((opening(owner="bob"), 0), stream="opportunity-t")
    lives = cut_of(closed, still_open, day=100).lives
    assert [lives.labels.team[code] for code in lives.deals.team] == ["team-s", "team-n"]
    assert [lives.labels.owner[code] for code in lives.deals.owner] == ["bob", "bob"]


def test_money_is_of_its_day_and_0_where_no_rate_says_what_it_is_worth():
    euros = deal(
        (OpportunityOpened("process-p", 1, "a", Money(Decimal(100), "EUR")), 0),
        (AmountChanged(Money(Decimal(100), "EUR"), usd(90)), 3),
    )
    assert cut_of(euros, day=2).lives.deals.amount.tolist() == [12_500]
    lives = cut_of(euros, deal((opening(), 0), (OpportunityWon(usd(70)), 2), stream="opportunity-t"), day=9).lives
    assert (lives.deals.amount.tolist(), lives.deals.amount_first.tolist()) == ([9000, 7000], [12_500, 10_000])
    assert lives.deals.amount_open.tolist() == [9000, 10_000]
    yen = deal((OpportunityOpened("process-p", 1, "a", Money(Decimal(500), "JPY")), 0))
    assert (cut_of(yen, day=9).lives.deals.amount.tolist(), cut_of(yen, day=9).unpriced.tolist()) == ([0], [True])


def test_chances_are_those_of_the_version_in_which_deals_were_seen():
    assert cut_of(deal((opening("b"), 0)), day=1).lives.labels.chances == (1000,)
    assert visits(cut_of(deal((opening(), 0), (OpportunityWon(usd(70)), 20)), day=30)) == [("a", 0, 0, 20, TO_WON)]
    assert cut_of(deal((opening(), 0), (OpportunityWon(usd(70)), 20)), day=30).lives.deals.status.tolist() == [WON]


@thorough(EXAMPLES)
@given(made=recorded())
def test_the_short_way_makes_the_same_states(made: tuple[list[Fact], Scale]):
    for facts in of_deals(made[0]):
        counted = relevant(known_deals.PROJECTION, facts)
        step = sorted(fact.occurred_at for fact in counted)
        facts = [fact._replace(occurred_at=at, available=at) for fact, at in zip(counted, step, strict=True)]
        if facts and known_deals.in_step(facts):
            short = list(known_deals.carried_on(facts))
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(known_deals, "in_step", lambda _: False)
                assert known_deals.stretches(facts) == short


def test_a_log_that_holds_only_what_was_closed_since_a_day_tells_everything_from_then_on():
    kept = [
        deal((opening(), day), (OpportunityWon(usd(100)), max(day + 10, 100)), stream=f"opportunity-{day:03}")
        for day in range(80, 160)
    ] + [deal((opening(), 0), (OpportunityLost("price"), 120), stream="opportunity-first")]  # fmt: skip
    whole = known(kept, REFERENCES, "USD")
    assert cut(whole, FIRST + 200).lives.start == FIRST + 100  # nothing ended for 100 days, deals take 10
    assert cut(whole, FIRST + 103).lives.start == FIRST  # of the 20 that had ended nothing is said
    from_the_first = [*kept, deal((opening(), 0), (OpportunityLost("price"), 15), stream="opportunity-early")]
    assert cut(known(from_the_first, REFERENCES, "USD"), FIRST + 200).lives.start == FIRST
