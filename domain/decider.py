"""What decides: the functions that each kind of stream is made of, what they may look at, and what they answer."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from msgspec import Struct


class Context(NamedTuple):
    """What a decision may look at beside its own stream's state: its name, the states of others by name, who asks."""

    stream: str
    read: Mapping[str, Any] = {}
    actor: str = ""


class NewEvent(NamedTuple):
    """An event that a decision adds to a stream, with the instant at which it happened."""

    event: Any
    occurred_at: int


class FollowUpCommand(NamedTuple):
    """What another stream must decide in the same append, as a decider's answer names it.

    `at`: the instant, in microseconds, of what it follows from, where that is not the request's.
    """

    stream: str
    command: Struct
    at: int | None = None


def nothing(state: Any, command: Any) -> tuple[str, ...]:
    """No stream: what a decision reads where its own stream is enough."""
    return ()


def itself(stream: str, state: Any, command: Any) -> str:
    """The stream itself: whom its personal fields are about, unless a decider knows better."""
    return stream


def alone(stream: str, before: Any, after: Any) -> tuple[FollowUpCommand, ...]:
    """No command: what a corrected history asks of other streams, unless a decider knows better."""
    return ()


BEFORE = "before"  # where a status machine leads back to what was before
ASIDE = ("merged", "deleted")  # statuses that remember what was before


class Decider(NamedTuple):
    """The functions by which one kind of stream decides and folds; states are the module's own.

    follows: what a correction, which made another state of one, asks of other streams. onward: whether what is decided
    follows all that is known, however far back it is dated: so with a stream that the decisions of many others write.
    """

    kind: str
    commands: tuple[type[Any], ...]
    events: tuple[type[Any], ...]
    decide: Callable[[Any, Any, Context], tuple[Any, ...]]
    possible: Callable[[Any, Any], bool]
    evolve: Callable[[Any, Any], Any]
    reads: Callable[[Any, Any], tuple[str, ...]] = nothing
    subject: Callable[[str, Any, Any], str] = itself
    follows: Callable[[str, Any, Any], tuple[FollowUpCommand, ...]] = alone
    onward: bool = False


def kind(stream: str) -> str:
    """What a stream is the history of: the part of its name before the first hyphen."""
    return stream.partition("-")[0]


def follow(status: str, before: str, after: str) -> tuple[str, str]:
    """The status, and what it was before it was set aside, once a machine led to `after`."""
    if after == BEFORE:
        return before, ""
    return (after, status) if after in ASIDE else (after, before)
