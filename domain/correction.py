"""Corrections: a fact that was wrong is not edited, a new one takes its place, or takes it away."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, get_args

from msgspec import Struct
from msgspec.structs import fields, replace

from domain import lead, opportunity
from domain.bounds import Version, Why
from domain.decider import Context, NewEvent
from domain.errors import Malformed, Rejected
from domain.lead import LeadConverted, disposition, profile, qualification
from domain.lead.disposition import LeadMerged, LeadUnmerged
from domain.money import Money, checked
from domain.opportunity import OpportunityOpened, closing, follow_up, judgement, progress, removal, terms
from domain.opportunity.closing import OpportunityReopened
from domain.opportunity.line_items import LineItemAdded, LineItemChanged, LineItemRemoved, RemoveLineItem, SetLineItem
from domain.opportunity.progress import PipelineChanged, StageChanged, version_of
from domain.opportunity.removal import OpportunityMerged, OpportunityUnmerged
from domain.personal import Personal
from domain.recorded import Fact
from domain.reference.process import published

Correctable = lead.Event | opportunity.Event
LED_BY: dict[type[Any], type[Any]] = {
    LineItemAdded: SetLineItem,
    LineItemChanged: SetLineItem,
    LineItemRemoved: RemoveLineItem,
    **{
        event: command
        for part in (profile, qualification, disposition, closing, progress, terms, judgement, follow_up, removal)
        for event, command in zip(get_args(part.Event), get_args(part.Command), strict=True)
    },
    lead.LeadCaptured: lead.CaptureLead,
    LeadConverted: lead.ConvertLead,
    OpportunityOpened: opportunity.OpenOpportunity,
}
"""The command that leads to each fact that can be corrected; a feature's unions name both in one order."""
OF_THE_DEAL = {"process": "", "amount": Money(Decimal(0), "EUR")}  # what a conversion says to the deal alone


class FactCorrected(Struct, frozen=True, tag="fact-corrected"):
    """The fact of version `corrects` should have said `replacement`, or should not be there."""

    corrects: int
    replacement: Correctable | None
    reason: Personal


class CorrectFact(Struct, frozen=True, tag="correct-fact", forbid_unknown_fields=True):
    """Correct the fact of a version, with what it should have said, or with nothing, which takes it away.

    It keeps its type, and its time unless another one is given.
    """

    version: Version
    reason: Why
    replacement: Correctable | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: a correction needs one")
        if self.replacement is not None:
            check_amounts(self.replacement)
            check_bounds(self.replacement)


class CorrectAmount(Struct, frozen=True, tag="correct-amount", forbid_unknown_fields=True):
    """Say what a won deal was really won for: its win is corrected, whose account, criteria and time stay."""

    amount: Money
    reason: Personal

    def __post_init__(self) -> None:
        checked("amount", self.amount)
        if not self.reason.strip():
            raise Malformed("reason: a correction needs one")


def of_the_win(order: Sequence[Fact], command: CorrectAmount, state: Any) -> CorrectFact:
    """The correction of a won deal's win; `order`: the facts that stand, as they took effect. Rejected otherwise.

    A deal with line items is worth what they come to, whatever its win says.
    """
    deal: opportunity.State = state
    if not isinstance(deal, opportunity.Won):
        raise opportunity.refused(deal, command)
    worth = deal.deal.amount
    if deal.deal.lines:
        items = ", ".join(deal.deal.lines)
        raise Rejected(f"correct-amount: the deal's line items own its amount; correct the fact of one (of {items})")
    if command.amount.currency != worth.currency:
        raise Rejected(f"correct-amount: the deal was won in {worth.currency}, not in {command.amount.currency}")
    return next(
        CorrectFact(fact.corrects or fact.version, command.reason, replace(fact.event, amount=command.amount))
        for fact in reversed(order)
        if isinstance(fact.event, opportunity.OpportunityWon)
    )


def check_amounts(event: Struct) -> None:
    """Raise Malformed where an amount in a replacement is none; facts have no bounds of their own."""
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Money):
            checked(f"replacement.{field.encode_name}", value)
        elif isinstance(value, Struct):
            check_amounts(value)


def check_bounds(event: Correctable) -> None:
    """Raise Malformed where a replacement says what the command that leads to such a fact refuses."""
    command = LED_BY[type(event)]
    spoken = {name: getattr(event, name) for name in event.__struct_fields__}
    if isinstance(event, LineItemAdded | LineItemChanged):
        spoken |= {name: getattr(event.line, name) for name in event.line.__struct_fields__}
    if isinstance(event, LeadConverted):
        spoken |= OF_THE_DEAL
    command(**{name: spoken[name] for name in command.__struct_fields__ if name in spoken})


def as_fact(
    position: int, stream: str, version: int, tag: str, occurred_at: int, event: Any, available: int = 0
) -> Fact:
    """A recorded event as folds read it: a correction is the fact that it puts into the place of another."""
    if isinstance(event, FactCorrected):
        return Fact(position, stream, version, tag, occurred_at, event.replacement, event.corrects, available)
    return Fact(position, stream, version, tag, occurred_at, event, 0, available)


def standing(facts: Sequence[Fact], version: int) -> Fact | None:
    """What stands in the place of a version: the fact itself, or its last correction."""
    return next((fact for fact in reversed(facts) if version in (fact.version, fact.corrects)), None)


def moment_of(facts: Sequence[Fact], command: CorrectFact, moment: int | None) -> int:
    """When the corrected fact happened: at the time given, else at the time that stands."""
    stands = standing(facts, command.version)
    return moment if moment is not None else stands.occurred_at if stands else 0


def decide(
    facts: Sequence[Fact], state: Any, command: CorrectFact, moment: int | None, context: Context
) -> tuple[NewEvent, ...]:
    """The correction, if the fact does not say so already; Rejected where it cannot be corrected.

    `state` is the stream's at the time at which the corrected fact happened.
    """
    wrong = next((fact for fact in facts if fact.version == command.version), None)
    stands = standing(facts, command.version)
    if wrong is None or stands is None:
        raise Rejected(f"correct-fact: {context.stream} has no version {command.version}, it ends with {len(facts)}")
    if wrong.corrects:
        raise Rejected(
            f"correct-fact: version {wrong.version} corrects version {wrong.corrects}: correct that one again"
        )
    happened = moment_of(facts, command, moment)
    if command.replacement is None:
        if stands.event is None:
            return ()
        check_removal(wrong, facts[0].version)
    elif (stands.event, stands.occurred_at) == (command.replacement, happened):
        return ()
    elif type(command.replacement) is not type(wrong.event):
        raise Rejected(f"correct-fact: version {wrong.version} is a {wrong.tag} and stays one")
    else:
        check_ties(command.replacement, wrong.event, gone=stands.event is None)
        check_stage(command.replacement, stands.event if stands.occurred_at == happened else None, state, context)
    return (NewEvent(FactCorrected(command.version, command.replacement, command.reason), happened),)


def check_removal(wrong: Fact, first: int) -> None:
    """Raise Rejected where a fact cannot be taken away, because others rest on it."""
    if wrong.version == first:
        raise Rejected("correct-fact: the first fact cannot be taken away; allowed: a replacement")
    match wrong.event:
        case LeadConverted(opportunity=opened):
            raise Rejected(f"correct-fact: the lead became {opened}, which was opened with it")
        case PipelineChanged():
            raise Rejected("correct-fact: a change of pipeline is corrected by another change of pipeline")
        case LeadUnmerged() | OpportunityUnmerged():
            raise Rejected("correct-fact: what was unmerged is merged again by asking for it")
        case _:
            return


def check_ties(event: Correctable, wrong: Any, gone: bool) -> None:
    """Raise Rejected where a replacement unties streams that belong together, or ties others; `gone`: taken away."""
    match event:
        case OpportunityOpened():
            if (event.process, event.process_version) != (wrong.process, wrong.process_version):
                raise Rejected(
                    f"correct-fact: the deal was opened in version {wrong.process_version} of {wrong.process};"
                    " allowed: change-pipeline"
                )
            if wrong.lead not in ("", event.lead):
                raise Rejected(f"correct-fact: the deal came from {wrong.lead}, which was converted into it")
        case StageChanged() if event.process_version != wrong.process_version:
            raise Rejected(f"correct-fact: the deal was in version {wrong.process_version} of its process then")
        case PipelineChanged():
            raise Rejected("correct-fact: a change of pipeline is corrected by another change of pipeline")
        case LeadConverted(opportunity=opened) if opened != wrong.opportunity:
            raise Rejected(f"correct-fact: the lead became {wrong.opportunity}, which was opened with it")
        case LeadMerged(survivor) | OpportunityMerged(survivor) if gone or survivor != wrong.survivor:
            raise Rejected("correct-fact: another survivor is named by unmerging, and merging again")
        case _:
            return


def check_stage(event: Correctable, said: Any, state: Any, context: Context) -> None:
    """Raise Rejected where a replacement names another stage than was `said` that is none; `said` None checks any."""
    match event:
        case OpportunityOpened(process, version, stage) if said is None or stage != said.stage:
            published(context, process).version(version).open_stage(stage)
        case StageChanged(to=stage) if said is None or stage != said.to:
            version_of(state.deal.progress, context).open_stage(stage)
        case OpportunityReopened(to_stage=stage) if said is None or stage != said.to_stage:
            version_of(state.deal.progress, context).open_stage(stage)
        case _:
            return


def reads(state: Any, command: CorrectFact) -> tuple[str, ...]:
    """The sales process, where the replacement may name a stage."""
    match command.replacement:
        case OpportunityOpened(process):
            return (process,)
        case StageChanged() | OpportunityReopened() if hasattr(state, "deal"):
            return (state.deal.progress.process,)
        case _:
            return ()
