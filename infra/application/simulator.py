"""Writes a believable year of a sales organisation, through the same commands and rules as everybody.

Every prospect is a script of its own, drawn from its own seed: the same plan with the same seed gives the same facts.
A script is what is true. What is written down of it comes late at times, and is wrong at times until it is corrected.
Scripts run side by side, in the order in which their facts were recorded, and are appended day by day.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count, groupby, islice
from random import Random
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from domain import Command
from domain.correction import CorrectFact
from domain.errors import Malformed, PipelineError, Rejected
from domain.history import History
from domain.lead import CaptureLead, ConvertLead
from domain.lead.disposition import DisqualifyLead
from domain.lead.profile import AssignLead, ContactLead
from domain.lead.qualification import AssessCriterion, QualifyLead
from domain.money import Money
from domain.opportunity.closing import LoseOpportunity, OpportunityWon, ReopenOpportunity, WinOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity, SetNextStep
from domain.opportunity.progress import ChangeStage
from domain.opportunity.terms import ChangeAmount, ChangeCloseDate, ChangeOwner
from domain.recorded import EPOCH, Request, Source, micros
from domain.reference.framework import BANT
from domain.reference.process import PublishProcess, Stage
from infra.application.dispatch import Dispatcher
from infra.application.moments import day_end
from infra.application.record_keeping import Correction, Step, entered

ACTOR = "simulator"
CHUNK = 2_000  # requests decided and appended together, where a day has as many

NEW_BUSINESS = PublishProcess(
    "New business",
    (
        Stage("discovery", "Discovery", 10, "open", Decimal("0.10"), "pipeline", (), 30),
        Stage("demo", "Demo", 20, "open", Decimal("0.25"), "pipeline", (), 30),
        Stage("proposal", "Proposal", 30, "open", Decimal("0.50"), "best-case", (), 25),
        Stage("negotiation", "Negotiation", 40, "open", Decimal("0.75"), "commit", ("decision maker met",), 20),
        Stage("won", "Won", 50, "won", Decimal(1), "closed"),
        Stage("lost", "Lost", 60, "lost", Decimal(0), "omitted"),
    ),
)
SUBSCRIPTION = PublishProcess(
    "Subscription plans",
    (
        Stage("trial", "Trial", 10, "open", Decimal("0.20"), "pipeline", (), 21),
        Stage("plan-chosen", "Plan chosen", 20, "open", Decimal("0.60"), "best-case", (), 14),
        Stage("won", "Won", 30, "won", Decimal(1), "closed"),
        Stage("lost", "Lost", 40, "lost", Decimal(0), "omitted"),
    ),
)
SHIPPED = (("process-new-business", NEW_BUSINESS), ("process-subscription", SUBSCRIPTION), ("framework-bant", BANT))

OPEN_STAGES = {
    "process-new-business": [stage for stage in NEW_BUSINESS.stages if stage.kind == "open"],
    "process-subscription": [stage for stage in SUBSCRIPTION.stages if stage.kind == "open"],
}


class Team(NamedTuple):
    """Sellers who work alike: `pace` multiplies the days in a stage, `skill` the odds of going forward."""

    owners: tuple[str, ...]
    pace: float
    skill: float


class Product(NamedTuple):
    """What is sold: in which pipeline, at what price, and how long a stage takes in days."""

    name: str
    process: str
    price: int
    days: float


TEAMS = (
    Team(("ann", "bora", "chidi"), 0.8, 1.15),
    Team(("dana", "emil", "farah"), 1.0, 1.0),
    Team(("goran", "hana"), 1.4, 0.8),
)
PRODUCTS = (
    Product("Platform", "process-new-business", 48_000, 16),
    Product("Integration", "process-new-business", 18_000, 10),
    Product("Training", "process-new-business", 6_000, 6),
    Product("Team plan", "process-subscription", 3_600, 7),
    Product("Business plan", "process-subscription", 12_000, 11),
)
SOURCES = ("website", "website", "referral", "fair", "outbound", "partner")
SEASON = (0.9, 1.0, 1.2, 1.0, 1.0, 1.1, 0.7, 0.6, 1.2, 1.2, 1.1, 0.8)  # leads by month, relative
FIRST_NAMES = ("Ada", "Ben", "Carla", "Deniz", "Eva", "Femi", "Gita", "Hugo", "Ines", "Jun")
LAST_NAMES = ("Abel", "Brandt", "Costa", "Diaz", "Endo", "Fischer", "Garg", "Holm", "Ito", "Jansen")
COMPANIES = ("Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Ginkgo", "Hazel", "Ironwood", "Juniper")
TRADES = ("Logistics", "Foods", "Energy", "Clinics", "Media", "Robotics", "Textiles", "Finance")
LOSSES = ("price", "no-decision", "competitor", "timing", "no-budget")
FAILURES = ("no-need", "no-budget", "unreachable", "not-a-fit")


class Plan(Struct, frozen=True):
    """How much is simulated: so many opportunities, begun from `since` on, with what was recorded until `until`."""

    opportunities: int
    since: datetime
    until: datetime
    seed: int

    def __post_init__(self) -> None:
        if self.opportunities < 1:
            raise Malformed(f"opportunities: {self.opportunities} is not a number of them")
        if self.since >= self.until:
            raise Malformed(f"until: {self.until:%Y-%m-%d} is not after {self.since:%Y-%m-%d}")
        if self.since < EPOCH:
            raise Malformed(f"since: {self.since:%Y-%m-%d} is before 1970, where no time of recording lies")
        if self.until > datetime.now(UTC):
            raise Malformed(f"until: {self.until:%Y-%m-%d} is in the future")


def yesterday() -> date:
    """The last day that is over, in UTC."""
    return datetime.now(UTC).date() - timedelta(days=1)


class SimulatedClock:
    """The clock of a simulation, for its log and its dispatcher alike: it shows what it was set to last."""

    def __init__(self, plan: Plan) -> None:
        self.until = plan.until
        self.set_to_end_of(plan.since.date())

    def set_to_end_of(self, day: date) -> None:
        """Show the last instant of a day, or that of the simulation where it comes first."""
        self.moment = micros(min(day_end(day), self.until))

    def __call__(self) -> int:
        """Microseconds since 1970 UTC."""
        return self.moment


def simulate(
    dispatcher: Dispatcher, plan: Plan, advance: Callable[[int], None], clock: SimulatedClock | None = None
) -> int:
    """Append the history of the planned opportunities, and of the leads that became none; the number of facts.

    What was recorded in a day is appended together. `clock` is that of the dispatcher and of its log, set to the end of
    each day before; without it all is recorded now, whenever it happened. `advance` is told how many opportunities
    have begun. Rejected where this seed was simulated in this log before.
    """
    seed, since = plan.seed, plan.since
    if dispatcher.history(f"lead-s{seed}-000001").version:
        raise Rejected(f"seed: {seed} was simulated in this log before; take another seed or another log")
    source = Source("simulator", f"seed-{seed}")
    prelude = [Request(stream=name, command=command, actor=ACTOR, occurred_at=since) for name, command in SHIPPED]
    appended = carry_out(dispatcher, prelude)
    for day, steps in groupby(interleaved(scripts(plan), plan.until), lambda step: step.recorded.date()):
        if clock:
            clock.set_to_end_of(day)
        while requests := [requested(step, dispatcher, source) for step in islice(steps, CHUNK)]:
            appended += carry_out(dispatcher, requests)
            advance(sum(isinstance(request.command, ConvertLead) for request in requests))
    return appended


def carry_out(dispatcher: Dispatcher, requests: list[Request]) -> int:
    """Do what is asked; the number of facts."""
    appended = 0
    for outcome in dispatcher.execute_all(requests):
        if isinstance(outcome, PipelineError):
            raise outcome  # a script that breaks a rule is a bug
        appended += len(outcome.facts)
    return appended


def requested(step: Step, dispatcher: Dispatcher, source: Source) -> Request:
    """The request of a step; what is corrected is the last win in the stream."""
    command = step.command
    if isinstance(command, Correction):
        command = corrected(dispatcher.history(step.stream), command)
    return Request(stream=step.stream, command=command, actor=ACTOR, occurred_at=step.occurred, source=source)


def corrected(history: History, correction: Correction) -> CorrectFact:
    """The command that corrects the last win of a deal."""
    version, won = next(
        (fact.version, fact.event) for fact in reversed(history.facts) if isinstance(fact.event, OpportunityWon)
    )
    return CorrectFact(version, correction.reason, replace(won, amount=correction.amount))


def interleaved(prospects: Iterator[Iterator[Step]], until: datetime) -> Iterator[Step]:
    """The steps of all scripts in order of recording, up to `until`. Prospects come in order of their first step."""
    running = list[tuple[datetime, int, Step, Iterator[Step]]]()
    numbers = count()

    def advance(script: Iterator[Step]) -> None:
        if (step := next(script, None)) and step.recorded <= until:
            heapq.heappush(running, (step.recorded, next(numbers), step, script))

    waiting = next(prospects, None)
    first = next(waiting, None) if waiting else None
    while running or first:
        if waiting and first and (not running or first.recorded <= running[0][0]):
            yield first
            advance(waiting)
            waiting = next(prospects, None)
            first = next(waiting, None) if waiting else None
        else:
            _, _, step, script = heapq.heappop(running)
            yield step
            advance(script)


def scripts(plan: Plan) -> Iterator[Iterator[Step]]:
    """A script for each lead, in order of capture, until so many of them have become opportunities."""
    draw, seed = Random(f"{plan.seed}:arrivals"), plan.seed
    leads = list[tuple[datetime, bool]]()
    converting = 0
    while converting < plan.opportunities:
        converts = draw.random() < 0.55
        converting += converts
        leads.append((arrival(draw, plan.since, plan.until), converts))
    for number, (captured, converts) in enumerate(sorted(leads), 1):  # numbered as they come, as anybody would
        yield entered(Prospect(seed, number, captured).script(converts), Random(f"{seed}:{number}:late"))


def arrival(draw: Random, since: datetime, until: datetime) -> datetime:
    """When a lead shows interest: more in some months than in others, in working hours."""
    while True:
        moment = since + draw.random() * (until - since)
        if draw.random() * max(SEASON) < SEASON[moment.month - 1]:
            return moment.replace(hour=8 + moment.hour % 10)


class Prospect:
    """Somebody who shows interest, and what becomes of it."""

    def __init__(self, seed: int, number: int, captured: datetime) -> None:
        self.draw = Random(f"{seed}:{number}")
        self.lead, self.opportunity = f"lead-s{seed}-{number:06}", f"opportunity-s{seed}-{number:06}"
        self.moment = captured
        self.team = self.draw.choice(TEAMS)
        self.owner = self.draw.choice(self.team.owners)
        self.product = self.draw.choice(PRODUCTS)
        self.company = f"{self.draw.choice(COMPANIES)} {self.draw.choice(TRADES)} {number % 997}"

    def script(self, converts: bool) -> Iterator[tuple[datetime, str, Command]]:
        """What happens to the prospect, from the first interest on, in order."""
        yield from self.qualification(converts)
        if converts:
            yield from self.deal()

    def after(self, days: float) -> datetime:
        """Let about so many days pass; the moment then."""
        self.moment += timedelta(seconds=round(86_400 * days * self.draw.lognormvariate(-0.18, 0.6)) + 60)
        return self.moment

    def qualification(self, converts: bool) -> Iterator[tuple[datetime, str, Command]]:
        """The lead, until it is qualified or found unfit."""
        draw, lead = self.draw, self.lead
        name = f"{draw.choice(FIRST_NAMES)} {draw.choice(LAST_NAMES)}"
        email = f"{name.replace(' ', '.').lower()}@{self.company.replace(' ', '-').lower()}.example"
        yield self.moment, lead, CaptureLead(draw.choice(SOURCES), self.company, "", name, email)
        yield self.after(0.3), lead, AssignLead(self.owner)
        yield self.after(1), lead, ContactLead("1", draw.choice(("call", "email", "meeting")))
        need = converts or draw.random() < 0.4
        yield self.after(1), lead, AssessCriterion("need", "yes" if need else "no")
        if not converts and (not need or draw.random() < 0.5):
            yield self.after(3), lead, DisqualifyLead(draw.choice(FAILURES))
            return
        yield self.after(1), lead, AssessCriterion("budget", "yes" if converts else "no")
        if not converts:
            yield self.after(6), lead, DisqualifyLead("no-budget")
            return
        yield self.after(1), lead, QualifyLead()

    def deal(self) -> Iterator[tuple[datetime, str, Command]]:
        """The opportunity, from its opening on; some are reopened after they closed."""
        draw, product = self.draw, self.product
        stages = OPEN_STAGES[product.process]
        self.price = Decimal(round(product.price * draw.lognormvariate(0, 0.4), -2))
        self.closing = (self.moment + timedelta(days=product.days * self.team.pace * len(stages))).date()
        yield self.after(0.5), self.lead, ConvertLead(
            self.opportunity, product.process, self.money(), product=product.name, close_date=self.closing
        )  # fmt: skip
        yield from self.stages(stages, 0)
        if draw.random() < 0.04:
            yield self.after(20), self.opportunity, ReopenOpportunity("they called back", stages[-1].id)
            yield from self.stages(stages, len(stages) - 1)

    def stages(self, stages: list[Stage], here: int) -> Iterator[tuple[datetime, str, Command]]:
        """Visits to one stage after the other, until the deal is won or lost."""
        draw, team, deal = self.draw, self.team, self.opportunity
        for visit in count(1):
            yield from self.visit(visit)
            met = stages[here].exit_criteria
            quarter_end = 0.06 if self.moment.month % 3 == 0 and self.moment.day > 15 else 0.0
            luck = draw.random() / team.skill - quarter_end
            if luck > 0.82 or visit > 12:
                reason = draw.choice(LOSSES)
                yield self.after(2), deal, LoseOpportunity(reason, "rival" if reason == "competitor" else "")
                return
            if luck < 0.64 and here == len(stages) - 1:
                yield self.after(2), deal, WinOpportunity(self.money(), criteria_met=met)
                return
            if luck > 0.76 and here:
                here -= 1
            elif luck < 0.08 and here + 2 < len(stages):
                here += 2
            elif here + 1 < len(stages):
                here += 1
            else:
                continue  # they need more time where they are
            yield self.after(0.1), deal, ChangeStage(stages[here].id)

    def visit(self, visit: int) -> Iterator[tuple[datetime, str, Command]]:
        """What is done while the deal is in one stage."""
        draw, deal, days = self.draw, self.opportunity, self.product.days * self.team.pace / 3
        activity = f"{self.moment:%y%m%d}-{visit}"
        if draw.random() < 0.5:
            due = (self.moment + timedelta(days=days)).date()
            yield self.after(days / 4), deal, ScheduleActivity(activity, "meeting", due)
        if draw.random() < 0.3:
            yield self.after(days / 4), deal, SetNextStep("Send the revised offer", date_after(self.moment, 7))
        yield self.after(days), deal, CompleteActivity(activity, "meeting" if draw.random() < 0.7 else "call")
        if draw.random() < 0.25:
            self.price = Decimal(round(float(self.price) * draw.uniform(0.7, 1.35), -2))
            yield self.after(days), deal, ChangeAmount(self.money())
        if self.moment.date() > self.closing and draw.random() < 0.8:
            self.closing = date_after(self.moment, math.ceil(days * 4))
            yield self.after(0.1), deal, ChangeCloseDate(self.closing)
        if draw.random() < 0.02:
            yield self.after(1), deal, ChangeOwner(draw.choice(draw.choice(TEAMS).owners))
        self.after(days)

    def money(self) -> Money:
        """The price as it stands."""
        return Money(self.price.quantize(Decimal("0.01")), "EUR")


def date_after(moment: datetime, days: int) -> date:
    """The day so many days later."""
    return (moment + timedelta(days=days)).date()
