"""Cases 1, 2, 5 and 10 as plans: the forecast, its coverage of the quota, the velocity, and what grows old."""

from datetime import date
from decimal import Decimal

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity, WinOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity, SetNextStep
from domain.opportunity.judgement import ChangeForecastCategory
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeOwner
from domain.reference.quota import SetQuota
from domain.reference.team import ChangeTeam
from tests.desk import Q1, Q2, Desk, deal, eur
from tests.hard_cases import A, B, C, money

EVENING = 43_199 / 86_400  # from noon, when things happen, to the last second of the day, in days
NOTHING = Decimal(0)
WINTER = date(2026, 1, 1), date(2026, 3, 31)


def test_case_1_a_deal_ages_from_its_opening_and_from_its_latest_stage(desk: Desk):
    desk.tell(A, deal(eur("1000")), "01-05")
    for stage, day in (("offer", "01-10"), ("demo", "01-15"), ("offer", "01-20")):
        desk.tell(A, ChangeStage(stage), day)
    desk.tell(A, ScheduleActivity("call-1", "call", date(2026, 1, 25)), "01-20")
    planned = desk.ask("ageing", "01-31")
    assert [(r.stage, r.mean_days_open, r.mean_days_in_stage, r.mean_days_since_contact) for r in planned] == [
        ("offer", 26 + EVENING, 11 + EVENING, None),
    ]  # fmt: skip
    assert [(r.due, r.overdue_days, r.state) for r in desk.ask("follow-up", "01-31")] == [("2026-01-25", 6, "overdue")]
    desk.tell(A, CompleteActivity("call-1", "call"), "01-26")
    assert [row.mean_days_since_contact for row in desk.ask("ageing", "01-31")] == [5 + EVENING]
    assert [row.mean_days_since_contact for row in desk.ask("ageing", "01-25")] == [None]
    assert [row.state for row in desk.ask("follow-up", "01-31")] == ["no next step"]
    desk.tell(A, SetNextStep("send the offer", date(2026, 2, 2)), "01-27")
    assert [(row.due, row.state) for row in desk.ask("follow-up", "01-31")] == [("2026-02-02", "due")]


def test_case_2_the_closed_quarter_keeps_its_figures_as_known_then_and_shows_others_restated(desk: Desk):
    desk.tell("quota-2026", SetQuota("ann", *WINTER, eur("2000")), "01-01")
    desk.tell(A, deal(eur("900")), "01-10")
    desk.tell(B, deal(eur("500")), "01-10")
    desk.tell(A, WinOpportunity(eur("1000")), "03-10")
    desk.tell(B, LoseOpportunity("price"), "03-20")
    then = desk.now()
    desk.tell(A, ReopenOpportunity("they called off", "offer"), "04-15")
    desk.tell(A, LoseOpportunity("budget"), "05-05")
    won, nothing = money("1000"), money("0")
    assert desk.speed(known_at=then, **Q1) == desk.speed("03-31", **Q1) == [(0, 0.5, won, 59.0, nothing)]
    assert desk.speed(**Q1) == [(0, 0.0, None, None, None)]  # what was won then, and is not any more, is shown apart
    assert [row.reversed_deals for row in desk.ask("velocity", **Q1)] == [1]
    assert desk.speed("04-20", **Q2) == [(1, None, None, None, None)]
    assert desk.forecast(known_at=then, **Q1)[0] == desk.forecast("03-31", **Q1)[0] == ("closed", 1, won, won)
    assert desk.forecast(**Q1)[0] == ("closed", 0, NOTHING, NOTHING)
    assert [row.reversed_amount for row in desk.ask("forecast", **Q1)] == [won, *3 * [nothing]]
    assert desk.covered(known_at=then, **Q1) == [(nothing, won, money("2000"), won, 0.0)]
    assert desk.covered(**Q1) == [(nothing, nothing, money("2000"), money("2000"), 0.0)]


def test_case_5_what_a_team_won_is_judged_by_who_was_in_it_then_and_what_it_has_open_by_who_is(desk: Desk):
    desk.tell("team-north", ChangeTeam("North", "dora", ("ann", "bob")), "01-01")
    desk.tell("quota-2026", SetQuota("team-north", *WINTER, eur("5000")), "01-01")
    for stream, amount in ((A, "1000"), (B, "2000"), (C, "300")):
        desk.tell(stream, deal(eur(amount), owner="ann", close_date=date(2026, 3, 15)), "01-10")
    desk.tell(C, WinOpportunity(), "01-20")
    desk.tell("team-north", ChangeTeam("North", "dora", ("bob", "cleo")), "02-10")
    for stream in (A, B):
        desk.tell(stream, ChangeOwner("bob"), "02-15")
    quota, both, won, nothing = money("5000"), money("3000"), money("300"), money("0")
    north = {"team": "team-north", **Q1}
    assert desk.covered("02-05", **north) == [(both, won, quota, money("4700"), 3000 / 4700)]
    assert desk.covered("02-12", **north) == [(nothing, won, quota, money("4700"), 0.0)]  # ann has left
    assert desk.covered(**north) == [(both, won, quota, money("4700"), 3000 / 4700)]  # with bob
    assert desk.covered(**north, attribute="moment") == [(both, nothing, quota, quota, 0.6)]
    assert desk.forecast("02-05", **north)[0] == ("closed", 1, won, won)
    assert desk.forecast(**north)[3] == ("pipeline", 2, both, money("3300"))  # with what was won
    assert desk.speed("02-05", **north) == [(2, 1.0, won, 10.0, money("60"))]  # 2 deals, all won, 300 in 10 days


def test_case_10_a_category_judged_by_hand_is_forecast_until_the_deal_ends(desk: Desk):
    desk.tell(A, deal(eur("1000"), close_date=date(2026, 3, 15)), "01-05")
    desk.tell(A, ChangeForecastCategory("commit"), "01-10")
    before = desk.now()
    desk.tell(A, ChangeStage("demo"), "01-20")
    desk.tell(A, LoseOpportunity("price"), "02-20")
    desk.tell(A, ReopenOpportunity("a new buyer"), "04-01")

    def bucket(day: str = "", **asked: int) -> list[str]:
        return [category for category, deals, *_ in desk.forecast(day, **asked, **Q1) if deals]

    assert [bucket(day) for day in ("01-08", "01-15", "01-25", "02-25", "04-02")] == [
        ["pipeline"], ["commit"], ["commit"], [], ["pipeline"],
    ]  # fmt: skip
    assert bucket(known_at=before) == ["commit"]
    assert desk.forecast("01-15", **Q1) == [
        ("closed", 0, NOTHING, NOTHING), ("commit", 1, money("1000"), money("1000")),
        ("best-case", 0, NOTHING, money("1000")), ("pipeline", 0, NOTHING, money("1000")),
    ]  # fmt: skip
