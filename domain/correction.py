"""Corrections: a fact that was wrong is not edited, a new one takes its place, or takes it away."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from domain import lead, opportunity
from domain.closing import OpportunityReopened
from domain.errors import Malformed, Rejected
from domain.money import Money, checked
from domain.opportunity import OpportunityOpened
from domain.personal import Personal
from domain.progress import PipelineChanged, StageChanged, version_of
from domain.recorded import Context, Fact, Happening

Correctable = lead.Event | opportunity.Event


class FactCorrected(Struct, frozen=True, tag="fact-corrected"):
    """The fact of version `corrects` should have said `replacement`, or should not be there."""

    corrects: int
    replacement: Correctable | None
    reason: Personal


class CorrectFact(Struct, frozen=True, tag="correct-fact", forbid_unknown_fields=True):
    """Correct the fact of a version, with what it should have said, or with nothing, which takes it away.

    It keeps its type, and its time unless another one is given.
    """

    version: int
    reason: Personal
    replacement: Correctable | None = None

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise Malformed("reason: a correction needs one")
        if self.replacement is not None:
            check_amounts(self.replacement)


def check_amounts(event: Struct) -> None:
    """Raise Malformed where an amount in a replacement is none; facts have no bounds of their own."""
    for field in fields(event):
        value = getattr(event, field.name)
        if isinstance(value, Money):
            checked(f"replacement.{field.encode_name}", value)
        elif isinstance(value, Struct):
            check_amounts(value)


def as_fact(position: int, stream: str, version: int, tag: str, occurred_at: int, event: Any) -> Fact:
    """A recorded event as folds read it: a correction is the fact that it puts into the place of another."""
    if isinstance(event, FactCorrected):
        return Fact(position, stream, version, tag, occurred_at, event.replacement, event.corrects)
    return Fact(position, stream, version, tag, occurred_at, event)


def decide(
    facts: Sequence[Fact], state: Any, command: CorrectFact, moment: int | None, context: Context
) -> tuple[Happening, ...]:
    """The correction, if the fact does not say so already; Rejected where it cannot be corrected."""
    wrong = next((fact for fact in facts if fact.version == command.version), None)
    if wrong is None:
        raise Rejected(f"correct-fact: {context.stream} has no version {command.version}, it ends with {len(facts)}")
    if wrong.corrects:
        raise Rejected(
            f"correct-fact: version {wrong.version} corrects version {wrong.corrects}: correct that one again"
        )
    stands = next(fact for fact in reversed(facts) if command.version in (fact.version, fact.corrects))
    happened = stands.occurred_at if moment is None else moment
    if (stands.event, stands.occurred_at) == (command.replacement, happened):
        return ()
    if command.replacement is None:
        if wrong.version == facts[0].version:
            raise Rejected("correct-fact: the first fact cannot be taken away; allowed: a replacement")
    elif type(command.replacement) is not type(wrong.event):
        raise Rejected(f"correct-fact: version {wrong.version} is a {wrong.tag} and stays one")
    check_replacement(command.replacement, wrong.event, state, context)
    return (Happening(FactCorrected(command.version, command.replacement, command.reason), happened),)


def check_replacement(event: Correctable | None, wrong: Any, state: Any, context: Context) -> None:
    """Raise Rejected where a replacement names a stage that is none, or unties streams that belong together."""
    match event:
        case OpportunityOpened(stage=stage) | StageChanged(to=stage) | OpportunityReopened(to_stage=stage):
            version_of(state.deal.progress, context).open_stage(stage)
        case PipelineChanged():
            raise Rejected("correct-fact: a change of pipeline is corrected by another change of pipeline")
        case lead.LeadConverted(opportunity=opened) if opened != wrong.opportunity:
            raise Rejected(f"correct-fact: the lead became {wrong.opportunity}, which was opened with it")
        case _:
            return


def reads(state: Any, command: CorrectFact) -> tuple[str, ...]:
    """The sales process, where the replacement names a stage."""
    return (state.deal.progress.process,) if hasattr(state, "deal") else ()
