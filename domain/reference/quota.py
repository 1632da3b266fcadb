"""A quota: what a seller or a team is to win in a period."""

from datetime import date

from msgspec import Struct

from domain.bounds import Filled
from domain.decider import Context
from domain.errors import Malformed
from domain.money import Money, checked


class QuotaSet(Struct, frozen=True, tag="quota-set"):
    """The target of an owner or a team for the days from `start` to `end`, both included."""

    holder: str
    start: date
    end: date
    amount: Money


class SetQuota(Struct, frozen=True, tag="set-quota", forbid_unknown_fields=True):
    """Set the target of an owner or a team for the days from `start` to `end`, both included."""

    holder: Filled
    start: date
    end: date
    amount: Money

    def __post_init__(self) -> None:
        if not self.holder.strip():
            raise Malformed("holder: a quota is somebody's")
        if self.end < self.start:
            raise Malformed(f"end: {self.end} is before the start, {self.start}")
        checked("amount", self.amount)


Event = QuotaSet
Command = SetQuota
State = dict[tuple[str, date, date], Money] | None


def decide(state: State, command: Command, context: Context) -> tuple[Event, ...]:
    """What follows from a command."""
    if (state or {}).get((command.holder, command.start, command.end)) == command.amount:
        return ()
    return (QuotaSet(command.holder, command.start, command.end, command.amount),)


def possible(state: State, event: Event) -> bool:
    """Whether a fact recorded earlier could still have happened in `state`: a target can always be set."""
    return True


def evolve(state: State, event: Event) -> State:
    """The targets after a fact."""
    return {**(state or {}), (event.holder, event.start, event.end): event.amount}
