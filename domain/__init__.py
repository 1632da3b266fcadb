"""The sales pipeline: what can happen, what can be asked, and who decides it.

`Event` and `Command` are the only lists of what exists; storage, verbs, schemas and topics are derived from them.
"""

from typing import Any, get_args

from domain import correction, lead, opportunity
from domain.correction import CorrectAmount, CorrectFact, FactCorrected
from domain.decider import Context, Decider, FollowUpCommand, kind
from domain.reference import calendar, customer, forecast, framework, outlook, process, quota, rate, subject, team

Event = (
    lead.Event | opportunity.Event | FactCorrected | process.Event | framework.Event | customer.Event
    | quota.Event | rate.Event | team.Event | calendar.Event | forecast.Event | outlook.Event
    | subject.Event
)  # fmt: skip
Command = (
    lead.Command | opportunity.Command | CorrectFact | CorrectAmount | process.Command | framework.Command
    | customer.Command | quota.Command | rate.Command | team.Command | calendar.Command | forecast.Command
    | outlook.Command
    | subject.Command
)  # fmt: skip


DECIDERS = (
    Decider(
        "lead", (*get_args(lead.Command), CorrectFact), (*get_args(lead.Event), FactCorrected),
        lead.decide, lead.possible, lead.evolve, lead.reads,
    ),
    Decider(
        "opportunity", (*get_args(opportunity.Command), CorrectFact, CorrectAmount),
        (*get_args(opportunity.Event), FactCorrected),
        opportunity.decide, opportunity.possible, opportunity.evolve, opportunity.reads, opportunity.subject,
        opportunity.closing.follows,
    ),
    Decider(
        "process", get_args(process.Command), get_args(process.Event), process.decide, process.possible, process.evolve
    ),
    Decider(
        "forecast", get_args(forecast.Command), get_args(forecast.Event), forecast.decide, forecast.possible,
        forecast.evolve,
    ),
    Decider(
        "customer", get_args(customer.Command), get_args(customer.Event), customer.decide, customer.possible,
        customer.evolve, onward=True,
    ),
    Decider(
        "outlook", get_args(outlook.Command), get_args(outlook.Event), outlook.decide, outlook.possible,
        outlook.evolve,
    ),
    Decider(
        "subject", get_args(subject.Command), get_args(subject.Event), subject.decide, subject.possible,
        subject.evolve, subject=subject.subject,
    ),
    *(
        Decider(name, (module.Command,), (module.Event,), module.decide, module.possible, module.evolve)
        for name, module in (
            ("framework", framework), ("quota", quota), ("rate", rate), ("team", team),
            ("calendar", calendar),
        )
    ),
)  # fmt: skip
BY_KIND = {decider.kind: decider for decider in DECIDERS}
COMMANDS: dict[str, type[Any]] = {
    str(command.__struct_config__.tag): command for decider in DECIDERS for command in decider.commands
}
"""Every command by its name."""
KINDS: dict[type[Any], frozenset[str]] = {
    command: frozenset(decider.kind for decider in DECIDERS if command in decider.commands)
    for command in COMMANDS.values()
}
"""The kinds of streams that a command can be asked of."""


__all__ = [
    "BY_KIND", "COMMANDS", "DECIDERS", "KINDS", "Command", "Context", "Decider", "Event", "FollowUpCommand",
    "correction", "kind",
]  # fmt: skip
