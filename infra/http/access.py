"""Who calls, and what they may do: the seam between the routes and whatever knows identities.

`Access` is all that the routes know. `Local` serves where nothing is configured: one identity, on loopback alone.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Protocol

from domain.errors import Forbidden, PipelineError

Action = Literal["describe", "figures", "records", "events", "write", "configure", "jobs"]
"""What a route does: describe the service itself, answer figures, show records with what happened to them, hand out
the log, work on leads and deals, configure what these refer to (processes, quotas, rates, teams …), run imports and
exports. Every route has one."""
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
EVERY_ROLE = frozenset({"rep", "manager", "analyst", "auditor", "admin", "service"})


class Unauthorized(PipelineError):
    """Nobody that we know: the credentials are missing, or are not valid. `challenge` goes to WWW-Authenticate."""

    def __init__(self, message: str, challenge: str = "Bearer") -> None:
        super().__init__(message)
        self.challenge = challenge


class Caller(NamedTuple):
    """Who calls, and what they see.

    owner: whose records alone they see; None for everybody's. teams: the streams of the teams that they lead, whose
    members' records they see too. personal: whether sealed fields are opened for them.
    """

    actor: str
    roles: frozenset[str]
    owner: str | None = None
    teams: frozenset[str] = frozenset()
    personal: bool = True

    @property
    def scope(self) -> str:
        """What tells apart callers that see different things: part of what names a cached answer."""
        return "|".join((self.owner or "*", ",".join(sorted(self.teams)), ",".join(sorted(self.roles))))


class Target(NamedTuple):
    """What a route is about to touch: a kind of streams, one stream, the command asked of it; empty where none."""

    action: Action
    operation: str
    kind: str = ""
    stream: str = ""
    command: str = ""


class Access(Protocol):
    """Identities and rights, as the routes ask for them. Called by several threads."""

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Who calls, by the headers of a request, their names in lower case. Raises Unauthorized."""
        ...

    def allow(self, caller: Caller, target: Target) -> None:
        """Raise Forbidden where the caller may not do that; NotFound where they may not know that it is there."""
        ...

    def filters(self, caller: Caller, action: Action) -> Mapping[str, str]:
        """The parts of a question that are forced on the caller's questions, by their names; none for who sees all."""
        ...

    def describe(self) -> str:
        """In a sentence, who may call: what `serve` says when it starts."""
        ...


class Local:
    """One identity for all who reach the loopback address: where nothing else is configured."""

    def __init__(self, actor: str) -> None:
        self.caller = Caller(actor, EVERY_ROLE)

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """The one identity; Forbidden where a page of another host sends its reader's browser here."""
        host = headers.get("host", "")
        if (host if host.endswith("]") else host.rpartition(":")[0] or host) not in LOOPBACK:
            raise Forbidden(f"host: {host!r} is not this machine; without identities only localhost is served")
        return self.caller

    def allow(self, caller: Caller, target: Target) -> None:
        """Everything is allowed to who sits at the machine."""

    def filters(self, caller: Caller, action: Action) -> Mapping[str, str]:
        """None: they see all."""
        return {}

    def describe(self) -> str:
        """Who may call."""
        return f"no identities are configured: whoever reaches this machine's loopback address is {self.caller.actor}"
