"""Deals for the tables: what happened to them before, what may be asked of them, and how that is refused."""

from datetime import date
from decimal import Decimal

from domain import BY_KIND, FollowUpCommand
from domain.correction import LED_BY, CorrectAmount, CorrectFact
from domain.lead import LeadCaptured
from domain.opportunity import OpenOpportunity, OpportunityOpened
from domain.opportunity.closing import (
    LoseOpportunity,
    OpportunityLost,
    OpportunityReopened,
    OpportunityWon,
    ReopenOpportunity,
    WinOpportunity,
)
from domain.opportunity.follow_up import (
    ActivityCompleted,
    ActivityScheduled,
    CompleteActivity,
    ScheduleActivity,
    SetNextStep,
)
from domain.opportunity.judgement import (
    ChangeForecastCategory,
    ChangeSplits,
    ClearProbability,
    OverrideProbability,
    Share,
)
from domain.opportunity.line_items import Line, LineItemAdded, RemoveLineItem, SetLineItem
from domain.opportunity.progress import ChangePipeline, ChangeStage, StageChanged
from domain.opportunity.removal import (
    DeleteOpportunity,
    MergeOpportunity,
    OpportunityDeleted,
    OpportunityMerged,
    RestoreOpportunity,
    UnmergeOpportunity,
)
from domain.opportunity.terms import ChangeAccount, ChangeAmount, ChangeCloseDate, ChangeOwner, ChangeProduct
from domain.reference.customer import OpenCustomer, WithdrawPurchase, customer_stream
from domain.reference.process import Published
from tests.domain.pipelines import FIRST, REVISED, eur
from tests.domain.pipelines import READ as PIPELINES
from tests.domain.table import Refused, asked_for, fold, tag
from tests.golden import example

OPPORTUNITY = BY_KIND["opportunity"]
COMMANDS = [command for command in OPPORTUNITY.commands if command not in (CorrectFact, CorrectAmount)]
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
LOST = OpportunityLost("price", "globex", "too dear")
MERGED = OpportunityMerged("opportunity-8", "the same boat")
DELETED = OpportunityDeleted("a test")
BOAT = LineItemAdded("boat", Line("Boat", Decimal(2), eur("500")))
OARS = LineItemAdded("oars", Line("Oar", Decimal(3), eur("10.05"), Decimal("0.5")))  # 15.075, rounded 15.08

STATES = {
    "absent": (), "open": (OPENED,), "won": (OPENED, WON), "lost": (OPENED, LOST),
    "merged": (OPENED, MERGED), "deleted": (OPENED, DELETED),
}  # fmt: skip
DEALS = {  # the states that rules start from
    "in need": (BARE,),
    "in offer": (BARE, StageChanged("need", "offer", 1, "forward")),
    "in review": (RENEWAL,),
    "in trial": (NEWER,),
    "in a stage that is gone": (GONE,),
    "where a stage is retired": (OpportunityOpened("process-waning", 1, "need", eur("900")),),
    "in a retired stage": (OpportunityOpened("process-waning", 1, "demo", eur("900")),),
    "lost in a retired stage": (OpportunityOpened("process-waning", 1, "demo", eur("900")), LOST),
    "in a retired process": (OpportunityOpened("process-ended", 1, "demo", eur("900")),),
    "won without an account": (BARE, OpportunityWon(eur("900"))),
    "deleted when it was won": (OPENED, WON, DELETED),
    "renewed": (RENEWAL, OpportunityWon(eur("50"), "Acme")),
    "reopened in need": (OPENED, WON, OpportunityReopened("need", "they cancelled")),
    "with lines": (OPENED, BOAT, OARS),
    "with a line": (OPENED, BOAT),
}
READ = {
    **PIPELINES,
    "process-waning": Published("Waning", {1: FIRST.stages}, retired={"demo": "offer"}),
    "process-ended": Published("Ended", {1: FIRST.stages, 2: REVISED.stages}, ended=True),
    "opportunity-8": fold(OPPORTUNITY, (BARE,)),
    "opportunity-won": fold(OPPORTUNITY, (BARE, WON)),
    "opportunity-lost": fold(OPPORTUNITY, (BARE, LOST)),
    "opportunity-merged": fold(OPPORTUNITY, (BARE, MERGED)),
    "opportunity-deleted": fold(OPPORTUNITY, (BARE, DELETED)),
    "opportunity-empty": None,
    "lead-7": BY_KIND["lead"].evolve(None, LeadCaptured("fair")),
}

# What is asked

EVENT_OF = {command: event for event, command in LED_BY.items()}


OPEN = OpenOpportunity(
    "process-sales", eur("900"), "", "Acme", "ann", "boat", date(2026, 3, 1), "lead-7", "website", "wants blue"
)
SCHEDULE = ScheduleActivity("act-2", "call", date(2026, 2, 2), "about the price")
COMPLETE = CompleteActivity("act-2", "call", "went well")
SCHEDULED = ActivityScheduled("act-2", "call", date(2026, 2, 2), "about the price")
COMPLETED = ActivityCompleted("act-2", "call", "went well")
REOPEN = ReopenOpportunity("they cancelled")
HALVES = (Share("ann", Decimal("0.5")), Share("bob", Decimal("0.5")))

WISHES = {
    type(command): command
    for command in (
        OPEN, ChangeStage("offer"), ChangePipeline("process-renewals", {"demo": "review"}), ChangeAmount(eur("950.50")),
        ChangeCloseDate(date(2026, 4, 1)), ChangeOwner("bob"), ChangeAccount("Globex"),
        ChangeProduct("yacht"),
        SetLineItem("boat", "Boat", Decimal(2), eur("500")), RemoveLineItem("boat"),
        OverrideProbability(Decimal("0.9"), "they nodded"), ClearProbability(), ChangeForecastCategory("commit"),
        ChangeSplits(HALVES), SetNextStep("call", date(2026, 2, 1)), SCHEDULE, COMPLETE, WinOpportunity(),
        LoseOpportunity("price", "globex", "too dear"), REOPEN, MergeOpportunity("opportunity-8", "the same boat"),
        UnmergeOpportunity("two boats"), DeleteOpportunity("a test"), RestoreOpportunity("no test"),
    )
}  # fmt: skip

# a command without an example of its own here asks for the example of its event
WISHES |= {command: asked_for(example(EVENT_OF[command]), command) for command in COMMANDS if command not in WISHES}
NEVER_OF_AN_OPEN_DEAL = (OpenOpportunity, ReopenOpportunity, UnmergeOpportunity, RestoreOpportunity)
MOVES = ", ".join(tag(command) for command in COMMANDS if command not in NEVER_OF_AN_OPEN_DEAL)


def absent(verb: str) -> Refused:
    return Refused(f"{verb}: the opportunity is not opened yet; allowed: open-opportunity")


def opened(verb: str, where: str = "demo") -> Refused:
    return Refused(f"{verb}: the opportunity is already open in {where}, 900.00 EUR; allowed: {MOVES}")


def won(verb: str) -> Refused:
    return Refused(
        f"{verb}: the opportunity is won, 900.00 EUR; allowed: reopen-opportunity, delete-opportunity, correct-fact,"
        " correct-amount, schedule-activity, complete-activity"
    )


def lost(verb: str) -> Refused:
    return Refused(
        f"{verb}: the opportunity is lost (price), 900.00 EUR; allowed: reopen-opportunity, merge-opportunity,"
        " delete-opportunity, correct-fact, schedule-activity, complete-activity"
    )


def merged(verb: str) -> Refused:
    return Refused(f"{verb}: the opportunity is merged into opportunity-8; allowed: unmerge-opportunity")


def deleted(verb: str) -> Refused:
    return Refused(f"{verb}: the opportunity is deleted; allowed: restore-opportunity")


def refused_alike(words, *granted: type) -> list[tuple[object, Refused]]:
    """Every command but those granted, each with its refusal."""
    return [(command, words(tag(kind))) for kind, command in WISHES.items() if kind not in granted]


def customer(account: str) -> FollowUpCommand:
    return FollowUpCommand(customer_stream(account, STREAM), OpenCustomer(account, STREAM))


def no_customer(account: str) -> FollowUpCommand:
    return FollowUpCommand(customer_stream(account, STREAM), WithdrawPurchase(STREAM))
