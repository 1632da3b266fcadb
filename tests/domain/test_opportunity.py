"""What a deal goes through: the table of its decider, row by row."""

from datetime import date

import pytest
from msgspec.structs import replace

from domain import BY_KIND, Context, Then
from domain.closing import (
    LoseOpportunity,
    OpportunityLost,
    OpportunityReopened,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)
from domain.customer import OpenCustomer, customer_stream
from domain.errors import Malformed
from domain.follow_up import (
    ActivityCompleted,
    ActivityScheduled,
    CompleteActivity,
    FollowUp,
    NextStepSet,
    ScheduleActivity,
    SetNextStep,
)
from domain.opportunity import Deal, Lost, Open, OpenOpportunity, OpportunityOpened, Won
from domain.progress import ChangeStage, StageChanged
from domain.terms import (
    AccountChanged,
    AmountChanged,
    ChangeAccount,
    ChangeAmount,
    ChangeCloseDate,
    ChangeOwner,
    CloseDateChanged,
    OwnerChanged,
    Terms,
)
from tests.domain.pipelines import READ, eur
from tests.domain.table import Refused, Row, check, fold, pairs, rows, tag, uncovered

OPPORTUNITY = BY_KIND["opportunity"]
STREAM = "opportunity-7"


# What happened before

OPENED = OpportunityOpened(
    "process-sales", 1, "demo", eur("900"), "Acme", "ann", "boat", date(2026, 3, 1), "lead-7", "website", "wants blue"
)
BARE = OpportunityOpened("process-sales", 1, "need", eur("900"))
RENEWAL = OpportunityOpened("process-renewals", 1, "review", eur("50"), "Acme")
NEWER = OpportunityOpened("process-sales", 2, "trial", eur("900"))
GONE = OpportunityOpened("process-sales", 2, "demo", eur("900"))
WON = OpportunityWon(eur("900"), "Acme")
LOST = OpportunityLost("price", "Globex", "too dear")

STATES = {"absent": (), "open": (OPENED,), "won": (OPENED, WON), "lost": (OPENED, LOST)}
DEALS = {  # the states that rules start from
    "in need": (BARE,),
    "in offer": (BARE, StageChanged("need", "offer", 1, "forward")),
    "in review": (RENEWAL,),
    "in trial": (NEWER,),
    "in a stage that is gone": (GONE,),
    "won without an account": (BARE, OpportunityWon(eur("900"))),
    "renewed": (RENEWAL, OpportunityWon(eur("50"), "Acme")),
    "reopened in need": (OPENED, WON, OpportunityReopened("need", "they cancelled")),
}

# What is asked

OPEN = OpenOpportunity(
    "process-sales", eur("900"), "", "Acme", "ann", "boat", date(2026, 3, 1), "lead-7", "website", "wants blue"
)
SCHEDULE = ScheduleActivity("act-2", "call", date(2026, 2, 2), "about the price")
COMPLETE = CompleteActivity("act-2", "call", "went well")
SCHEDULED = ActivityScheduled("act-2", "call", date(2026, 2, 2), "about the price")
COMPLETED = ActivityCompleted("act-2", "call", "went well")
REOPEN = ReopenOpportunity("they cancelled")
MOVES = (
    "change-stage, win-opportunity, lose-opportunity, change-amount, change-close-date, change-owner, change-account,"
    " set-next-step, schedule-activity, complete-activity"
)


def absent(verb: str) -> Refused:
    return Refused(f"{verb}: the opportunity is not opened yet; allowed: open-opportunity")


def opened(verb: str, where: str = "demo") -> Refused:
    return Refused(f"{verb}: the opportunity is already open in {where}, 900 EUR; allowed: {MOVES}")


def closed(verb: str, how: str) -> Refused:
    allowed = "reopen-opportunity, schedule-activity, complete-activity"
    return Refused(f"{verb}: the opportunity is {how}, 900 EUR; allowed: {allowed}")


def won(verb: str) -> Refused:
    return closed(verb, "won")


def lost(verb: str) -> Refused:
    return closed(verb, "lost (price)")


def customer(account: str) -> Then:
    return Then(customer_stream(account, STREAM), OpenCustomer(account, STREAM))


TRANSITIONS = [
    Row("absent", OPEN, (replace(OPENED, process_version=2, stage="need"),)),
    Row("absent", ChangeStage("offer"), absent("change-stage")),
    Row("absent", ChangeAmount(eur("1")), absent("change-amount")),
    Row("absent", ChangeCloseDate(date(2026, 4, 1)), absent("change-close-date")),
    Row("absent", ChangeOwner("bob"), absent("change-owner")),
    Row("absent", ChangeAccount("Globex"), absent("change-account")),
    Row("absent", SetNextStep("call"), absent("set-next-step")),
    Row("absent", SCHEDULE, absent("schedule-activity")),
    Row("absent", COMPLETE, absent("complete-activity")),
    Row("absent", WinOpportunity(), absent("win-opportunity")),
    Row("absent", LoseOpportunity("price"), absent("lose-opportunity")),
    Row("absent", REOPEN, absent("reopen-opportunity")),
    Row("open", OPEN, ()),
    Row("open", replace(OPEN, amount=eur("901")), opened("open-opportunity"), "with another amount"),
    Row("open", ChangeStage("offer"), (StageChanged("demo", "offer", 1, "forward"),)),
    Row("open", ChangeAmount(eur("950.50")), (AmountChanged(eur("900"), eur("950.50")),)),
    Row("open", ChangeCloseDate(date(2026, 4, 1)), (CloseDateChanged(date(2026, 3, 1), date(2026, 4, 1)),)),
    Row("open", ChangeOwner("bob"), (OwnerChanged("ann", "bob"),)),
    Row("open", ChangeAccount("Globex"), (AccountChanged("Acme", "Globex"),)),
    Row("open", SetNextStep("call", date(2026, 2, 1)), (NextStepSet("call", date(2026, 2, 1)),)),
    Row("open", SCHEDULE, (SCHEDULED,)),
    Row("open", COMPLETE, (COMPLETED,)),
    Row("open", WinOpportunity(), (WON, customer("Acme"))),
    Row("open", LoseOpportunity("price", "Globex", "too dear"), (LOST,)),
    Row("open", REOPEN, ()),
    Row("open", replace(REOPEN, to_stage="need"), opened("reopen-opportunity"), "in another stage"),
    Row("won", OPEN, ()),
    Row("won", replace(OPEN, lead="lead-8"), won("open-opportunity"), "for another lead"),
    Row("won", ChangeStage("offer"), won("change-stage")),
    Row("won", ChangeAmount(eur("1")), won("change-amount")),
    Row("won", ChangeCloseDate(date(2026, 4, 1)), won("change-close-date")),
    Row("won", ChangeOwner("bob"), won("change-owner")),
    Row("won", ChangeAccount("Globex"), won("change-account")),
    Row("won", SetNextStep("call"), won("set-next-step")),
    Row("won", SCHEDULE, (SCHEDULED,)),
    Row("won", COMPLETE, (COMPLETED,)),
    Row("won", WinOpportunity(), ()),
    Row("won", WinOpportunity(eur("901")), won("win-opportunity"), "for another amount"),
    Row("won", WinOpportunity(account="Globex"), won("win-opportunity"), "by another account"),
    Row("won", LoseOpportunity("price"), won("lose-opportunity")),
    Row("won", REOPEN, (OpportunityReopened("demo", "they cancelled"),)),
    Row("lost", OPEN, ()),
    Row("lost", replace(OPEN, process="process-renewals"), lost("open-opportunity"), "in another pipeline"),
    Row("lost", ChangeStage("offer"), lost("change-stage")),
    Row("lost", ChangeAmount(eur("1")), lost("change-amount")),
    Row("lost", ChangeCloseDate(date(2026, 4, 1)), lost("change-close-date")),
    Row("lost", ChangeOwner("bob"), lost("change-owner")),
    Row("lost", ChangeAccount("Globex"), lost("change-account")),
    Row("lost", SetNextStep("call"), lost("set-next-step")),
    Row("lost", SCHEDULE, (SCHEDULED,)),
    Row("lost", COMPLETE, (COMPLETED,)),
    Row("lost", WinOpportunity(), lost("win-opportunity")),
    Row("lost", LoseOpportunity("price", "Globex", "too dear"), ()),
    Row("lost", LoseOpportunity("timing"), lost("lose-opportunity"), "for another reason"),
    Row("lost", REOPEN, (OpportunityReopened("demo", "they cancelled"),)),
]  # fmt: skip

NEED_LACKS = "leaving need forward needs {}: say it in criteria_met, or give an override_reason"

OPENING = [
    Row("absent", OpenOpportunity("process-sales", eur("0")),
        (OpportunityOpened("process-sales", 2, "need", eur("0")),), "at least"),
    Row("absent", replace(OPEN, stage="trial"), (replace(OPENED, process_version=2, stage="trial"),), "further on"),
    Row("absent", replace(OPEN, stage="demo"), Refused(
        "the process has no stage 'demo'; its open stages are need, trial, offer"), "in a stage that is gone"),
    Row("absent", replace(OPEN, stage="won"), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, trial, offer"), "won"),
    Row("absent", replace(OPEN, stage="dropped"), Refused(
        "dropped is a lost stage, entered by lose-opportunity alone; the open stages are need, trial, offer"), "lost"),
    Row("absent", OpenOpportunity("process-renewals", eur("50"), account="Acme"), (RENEWAL,), "in another pipeline"),
    Row("absent", OpenOpportunity("process-renewals", eur("50"), "need"), Refused(
        "the process has no stage 'need'; its open stages are review, terms"), "in a stage of another pipeline"),
    Row("absent", OpenOpportunity("process-draft", eur("1")), Refused(
        "process-draft is not published: publish it first (publish-process)"), "in a draft"),
    Row("absent", OpenOpportunity("process-nowhere", eur("1")), Refused(
        "process-nowhere is not published: publish it first (publish-process)"), "in no process"),
    Row("open", replace(OPEN, stage="demo"), (), "in the stage it opened in"),
    Row("open", replace(OPEN, stage="need"), opened("open-opportunity"), "in another stage"),
    Row("open", replace(OPEN, amount=eur("900.00")), (), "for the same amount in other digits"),
]  # fmt: skip

MOVING = [
    Row("open", ChangeStage("demo", ("nonsense",)), (), "to where it is"),
    Row("open", ChangeStage("trial"), Refused(
        "the process has no stage 'trial'; its open stages are need, demo, offer"), "to a stage of a later version"),
    Row("open", ChangeStage("won"), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, demo, offer"), "to won"),
    Row("open", ChangeStage("lost", override_reason="please"), Refused(
        "lost is a lost stage, entered by lose-opportunity alone; the open stages are need, demo, offer"), "to lost"),
    Row("open", ChangeStage("offer", ("price",)), Refused(
        "demo has no exit criterion price; it has: none"), "with a criterion of another stage"),
    Row("open", ChangeStage("need"), (StageChanged("demo", "need", 1, "back"),), "back"),
    Row("in need", ChangeStage("demo"), Refused(NEED_LACKS.format("pain, sponsor")), "nothing met"),
    Row("in need", ChangeStage("demo", ("pain",)), Refused(NEED_LACKS.format("sponsor")), "one unmet"),
    Row("in need", ChangeStage("demo", ("pain",), " "), Refused(NEED_LACKS.format("sponsor")), "a blank override"),
    Row("in need", ChangeStage("demo", ("pain", "luck")), Refused(
        "need has no exit criterion luck; it has: pain, sponsor"), "an unknown criterion"),
    Row("in need", ChangeStage("demo", ("luck",), "a big name"), Refused(
        "need has no exit criterion luck; it has: pain, sponsor"), "unknown, overridden"),
    Row("in need", ChangeStage("demo", ("sponsor", "pain")),
        (StageChanged("need", "demo", 1, "forward", (), ("sponsor", "pain")),), "all met"),
    Row("in need", ChangeStage("demo", ("pain",), "a big name"),
        (StageChanged("need", "demo", 1, "forward", (), ("pain",), "a big name"),), "overridden"),
    Row("in need", ChangeStage("offer", ("pain", "sponsor")),
        (StageChanged("need", "offer", 1, "forward", ("demo",), ("pain", "sponsor")),), "skipping"),
    Row("in offer", ChangeStage("need"), (StageChanged("offer", "need", 1, "back", ("demo",)),), "back, skipping"),
    Row("in offer", ChangeStage("demo"), (StageChanged("offer", "demo", 1, "back"),), "back, with criteria unmet"),
    Row("in review", ChangeStage("terms"), (StageChanged("review", "terms", 1, "forward"),), "in another pipeline"),
    Row("in review", ChangeStage("offer"), Refused(
        "the process has no stage 'offer'; its open stages are review, terms"), "to a stage of another pipeline"),
    Row("in review", ChangeStage("renewed"), Refused(
        "renewed is a won stage, entered by win-opportunity alone; the open stages are review, terms"), "to renewed"),
    Row("in trial", ChangeStage("offer", ("pain",)),
        (StageChanged("trial", "offer", 2, "forward", (), ("pain",)),), "in the newer version"),
    Row("in a stage that is gone", ChangeStage("offer"),
        (StageChanged("demo", "offer", 2, "forward"),), "out of a stage that is gone"),
]  # fmt: skip

CLOSING = [
    Row("open", WinOpportunity(eur("950"), "Globex"),
        (OpportunityWon(eur("950"), "Globex"), customer("Globex")), "on other terms"),
    Row("in offer", WinOpportunity(), Refused(
        "leaving offer forward needs price: say it in criteria_met, or give an override_reason"), "criterion unmet"),
    Row("in offer", WinOpportunity(criteria_met=("prize",)), Refused(
        "offer has no exit criterion prize; it has: price"), "criterion unknown"),
    Row("in offer", WinOpportunity(criteria_met=("price",)), (OpportunityWon(eur("900")), customer("")), "all met"),
    Row("in offer", WinOpportunity(override_reason="signed"), (OpportunityWon(eur("900")), customer("")), "overridden"),
    Row("in a stage that is gone", WinOpportunity(), (OpportunityWon(eur("900")), customer("")), "stage gone"),
    Row("won", WinOpportunity(eur("900.00"), "Acme"), (), "the same terms said"),
    Row("won without an account", WinOpportunity(account="Acme"), won("win-opportunity"), "an account after the win"),
    Row("lost", replace(REOPEN, to_stage="offer"),
        (OpportunityReopened("offer", "they cancelled"),), "in another stage"),
    Row("won", replace(REOPEN, to_stage="won"), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, demo, offer"), "as won"),
    Row("lost", replace(REOPEN, to_stage="trial"), Refused(
        "the process has no stage 'trial'; its open stages are need, demo, offer"), "in a later version's stage"),
    Row("renewed", REOPEN, (OpportunityReopened("review", "they cancelled"),), "in another pipeline"),
    Row("reopened in need", replace(REOPEN, to_stage="need"), (), "where it was reopened"),
    Row("reopened in need", LoseOpportunity("timing"), (OpportunityLost("timing"),), "after a win"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "when", "then"), rows([*TRANSITIONS, *OPENING, *MOVING, *CLOSING]))
def test_a_wish_leads_to_these_facts_or_is_refused_in_these_words(given, when, then):
    check(OPPORTUNITY, fold(OPPORTUNITY, (STATES | DEALS)[given]), when, then, Context(STREAM, READ))


def test_the_table_has_every_state_beside_every_command():
    assert uncovered(TRANSITIONS, STATES, OPPORTUNITY.commands) == set()


# What can have happened, and what it leads to

DEAL = Deal(OPENED, "demo", Terms(eur("900"), date(2026, 3, 1), "ann", "Acme"))
EVENTS = {
    type(event): event
    for event in (
        RENEWAL, StageChanged("demo", "offer", 1, "forward"), AmountChanged(eur("900"), eur("950")),
        CloseDateChanged(None, date(2026, 4, 1)), OwnerChanged("ann", "bob"), AccountChanged("Acme", "Globex"),
        NextStepSet("call", date(2026, 2, 1)), SCHEDULED, COMPLETED, OpportunityWon(eur("950"), "Globex"),
        OpportunityLost("timing"), OpportunityReopened("offer", "again"),
    )
}  # fmt: skip
ACTIVITIES = {ActivityScheduled, ActivityCompleted}
POSSIBLE = {
    "absent": {OpportunityOpened},
    "open": set(EVENTS) - {OpportunityOpened, OpportunityReopened},
    "won": {OpportunityReopened, *ACTIVITIES},
    "lost": {OpportunityReopened, *ACTIVITIES},
}
PLANNED = replace(DEAL, follow_up=FollowUp(planned=frozenset({"act-2"})))
DONE = replace(DEAL, follow_up=FollowUp(done=frozenset({"act-2"})))


def agreed(**news: object) -> Deal:
    return replace(DEAL, terms=replace(DEAL.terms, **news))


EVOLVED = {
    ("absent", OpportunityOpened): Open(Deal(RENEWAL, "review", Terms(eur("50"), None, "", "Acme"))),
    ("open", StageChanged): Open(replace(DEAL, stage="offer")),
    ("open", AmountChanged): Open(agreed(amount=eur("950"))),
    ("open", CloseDateChanged): Open(agreed(close_date=date(2026, 4, 1))),
    ("open", OwnerChanged): Open(agreed(owner="bob")),
    ("open", AccountChanged): Open(agreed(account="Globex")),
    ("open", NextStepSet): Open(replace(DEAL, follow_up=FollowUp("call", date(2026, 2, 1)))),
    ("open", ActivityScheduled): Open(PLANNED),
    ("open", ActivityCompleted): Open(DONE),
    ("open", OpportunityWon): Won(agreed(amount=eur("950"), account="Globex")),
    ("open", OpportunityLost): Lost(DEAL, "timing"),
    ("won", ActivityScheduled): Won(PLANNED),
    ("won", ActivityCompleted): Won(DONE),
    ("won", OpportunityReopened): Open(replace(DEAL, stage="offer")),
    ("lost", ActivityScheduled): Lost(PLANNED, "price"),
    ("lost", ActivityCompleted): Lost(DONE, "price"),
    ("lost", OpportunityReopened): Open(replace(DEAL, stage="offer")),
}


def test_there_is_an_example_of_every_event():
    assert set(EVENTS) == set(OPPORTUNITY.events)


@pytest.mark.parametrize(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_could_have_happened_in_these_states_only(given, event):
    assert OPPORTUNITY.possible(fold(OPPORTUNITY, STATES[given]), event) == (type(event) in POSSIBLE[given])


@pytest.mark.parametrize(("given", "event"), pairs(STATES, EVENTS))
def test_a_fact_leads_to_this_state_and_one_that_does_not_fit_changes_nothing(given, event):
    state = fold(OPPORTUNITY, STATES[given])
    assert OPPORTUNITY.evolve(state, event) == EVOLVED.get((given, type(event)), state)


@pytest.mark.parametrize(
    ("given", "kind"), [*EVOLVED], ids=lambda value: value if isinstance(value, str) else tag(value)
)
def test_what_changes_a_state_was_possible_in_it(given, kind):
    assert kind in POSSIBLE[given]


def test_a_win_without_an_account_keeps_the_one_that_is_known():
    assert fold(OPPORTUNITY, (OPENED, OpportunityWon(eur("950")))) == Won(agreed(amount=eur("950")))


# What a decision reads, and whom it is about


@pytest.mark.parametrize(
    ("given", "command", "streams"),
    [
        ("absent", OpenOpportunity("process-renewals", eur("1")), ("process-renewals",)),
        ("open", OpenOpportunity("process-renewals", eur("1")), ("process-renewals",)),
        ("absent", ChangeStage("offer"), ()),
        ("open", ChangeStage("offer"), ("process-sales",)),
        ("open", WinOpportunity(), ("process-sales",)),
        ("won", REOPEN, ("process-sales",)),
        ("lost", REOPEN, ("process-sales",)),
        ("open", LoseOpportunity("price"), ()),
        ("open", ChangeAmount(eur("1")), ()),
    ],
    ids=lambda value: value if isinstance(value, str) else tag(value) if hasattr(value, "__struct_config__") else "",
)
def test_the_process_is_read_where_stages_are_concerned(given, command, streams):
    assert OPPORTUNITY.reads(fold(OPPORTUNITY, STATES[given]), command) == streams


@pytest.mark.parametrize(
    ("facts", "command", "subject"),
    [
        ((), OPEN, "lead-7"),
        ((), replace(OPEN, lead=""), STREAM),
        ((), LoseOpportunity("price"), STREAM),
        ((OPENED,), LoseOpportunity("price"), "lead-7"),
        ((BARE,), LoseOpportunity("price"), STREAM),
    ],
    ids=["opened for a lead", "opened for nobody", "not opened", "came from a lead", "came from nobody"],
)
def test_what_is_said_of_a_deal_is_about_the_lead_it_came_from(facts, command, subject):
    assert OPPORTUNITY.subject(STREAM, fold(OPPORTUNITY, facts), command) == subject


# What is not even asked


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (lambda: OpenOpportunity("process-sales", eur("-1")),
         "amount.amount: -1 is not a finite amount from 0 to below 10^14"),
        (lambda: ChangeAmount(eur("0.001")), "to.amount: 0.001 has more than 2 decimal places, the minor unit of EUR"),
        (lambda: WinOpportunity(eur("NaN")), "amount.amount: NaN is not a finite amount from 0 to below 10^14"),
        (lambda: LoseOpportunity(" "), "reason: losing needs one, such as price, timing or competitor"),
        (lambda: ReopenOpportunity(""), "reason: reopening needs one"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_wish_out_of_bounds_is_malformed(wish, reason):
    with pytest.raises(Malformed) as refusal:
        wish()
    assert str(refusal.value) == reason
