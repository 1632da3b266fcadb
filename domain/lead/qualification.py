"""Qualification: what a framework asks of a lead, how it was answered, and whether that is enough."""

from msgspec import Struct

from domain.decider import Context
from domain.errors import Rejected
from domain.personal import Personal
from domain.reference.framework import published


class CriterionAssessed(Struct, frozen=True, tag="criterion-assessed"):
    """A question of a qualification framework was answered."""

    framework: str
    criterion: str
    answer: str
    evidence: Personal = ""


class LeadQualified(Struct, frozen=True, tag="lead-qualified"):
    """Interest, need and the ability to buy are established, by a framework or by an override with its reason."""

    framework: str
    framework_version: int
    unmet: tuple[str, ...] = ()
    override_reason: Personal = ""


class AssessCriterion(Struct, frozen=True, tag="assess-criterion", forbid_unknown_fields=True):
    """Answer a question of a qualification framework."""

    criterion: str
    answer: str
    framework: str = "framework-bant"
    evidence: Personal = ""


class QualifyLead(Struct, frozen=True, tag="qualify-lead", forbid_unknown_fields=True):
    """Establish that the lead can become an opportunity; with a required criterion unmet only by an override."""

    framework: str = "framework-bant"
    override_reason: Personal = ""


Event = CriterionAssessed | LeadQualified
Command = AssessCriterion | QualifyLead

Answers = dict[tuple[str, str], tuple[str, str]]
"""Answer and evidence by framework and criterion."""


def decide(state: Answers, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command; an answer that is known already appends nothing."""
    match command:
        case AssessCriterion():
            return assessed(state, command, context)
        case QualifyLead():
            return (qualified(state, command, context),)


def evolve(state: Answers, event: CriterionAssessed) -> Answers:
    """The answers after a fact."""
    return {**state, (event.framework, event.criterion): (event.answer, event.evidence)}


def assessed(state: Answers, command: AssessCriterion, context: Context) -> tuple[CriterionAssessed, ...]:
    """The answer, if the framework knows the question and the answer, and it is new."""
    framework = published(context, command.framework)
    criterion = framework.criterion(command.criterion)
    if criterion is None:
        known = ", ".join(criterion.id for criterion in framework.criteria)
        raise Rejected(f"assess-criterion: {framework.name} has no criterion {command.criterion!r}; it has {known}")
    if command.answer not in criterion.answers:
        allowed = ", ".join(criterion.answers)
        raise Rejected(f"assess-criterion: {criterion.id} is answered by {allowed}, not by {command.answer!r}")
    if state.get((command.framework, command.criterion)) == (command.answer, command.evidence):
        return ()
    return (CriterionAssessed(command.framework, command.criterion, command.answer, command.evidence),)


def qualified(state: Answers, command: QualifyLead, context: Context) -> LeadQualified:
    """The qualification, with every required criterion met or an override that says why not."""
    framework = published(context, command.framework)
    answers = {c.id: state.get((command.framework, c.id), ("", ""))[0] for c in framework.criteria}
    unmet = tuple(c.id for c in framework.criteria if c.required and answers[c.id] not in c.met)
    if unmet and not command.override_reason.strip():
        found = ", ".join(f"{name} ({answers[name] or 'not assessed'})" for name in unmet)
        raise Rejected(
            f"qualify-lead: {framework.name} requires {found}; assess them as met (assess-criterion),"
            " or give an override_reason"
        )
    return LeadQualified(command.framework, framework.version, unmet, command.override_reason if unmet else "")
