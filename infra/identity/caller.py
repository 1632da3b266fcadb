"""Who calls, and what they may do: the seam between a door and those who judge.

`Access` is all that a door knows. `infra.identity.local.Local` serves where nothing is configured, and
`infra.identity.judge.Judge` where keys or tokens are.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from msgspec import Struct

from domain.errors import PipelineError

if TYPE_CHECKING:
    from infra.application.questions import Text

Role = Literal["rep", "manager", "analyst", "auditor", "admin", "service"]
ROLES: tuple[Role, ...] = ("rep", "manager", "analyst", "auditor", "admin", "service")
Scope = Literal["commands", "configuration", "privacy", "records", "personal", "figures", "feed", "jobs"]
SCOPES: tuple[Scope, ...] = ("commands", "configuration", "privacy", "records", "personal", "figures", "feed", "jobs")
EVERY_SCOPE: frozenset[str] = frozenset(SCOPES)
"""What a service may: work on leads and deals, configure, hold and erase persons, read records, and what is personal in
them, ask for figures, follow the log, run imports and exports."""
Action = Literal["describe", "views", "keys", "figures", "records", "events", "webhooks", "write", "configure", "jobs"]
"""What a route does: describe the service itself, keep the views that somebody saved, revoke keys, answer figures, show
records with what happened to them, hand out the log, send it on as it grows, work on leads and deals, configure what
these refer to (processes, quotas, rates, teams …), run imports and exports. Every route has one."""


class Unauthorized(PipelineError):
    """Nobody that we know: the credentials are missing, or are not valid. `challenge` goes to WWW-Authenticate."""

    def __init__(self, message: str, challenge: str = "Bearer") -> None:
        super().__init__(message)
        self.challenge = challenge


class Caller(NamedTuple):
    """Who calls, and what they see.

    actor: the name that facts are recorded under. owner: whose records alone they see, beside those of the members of
    teams that they lead; None for everybody's. teams: the streams of these teams; owners: all of these sellers by name.
    personal: whether sealed fields are opened for them. scopes: what a service may. means: how they were authenticated;
    credential: what tells one credential from another without being it, such as a key's prefix.
    """

    actor: str
    roles: frozenset[str]
    owner: str | None = None
    teams: frozenset[str] = frozenset()
    personal: bool = True
    owners: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    means: Literal["local", "key", "token"] = "local"
    credential: str = ""

    @property
    def scope(self) -> str:
        """What tells apart callers that see different things: part of what names a cached answer."""
        everybody = "*" if self.owner is None else f"={self.owner}"
        parts = (self.teams, self.owners, self.roles, self.scopes)
        return repr((everybody, self.personal, *(sorted(each) for each in parts)))

    def sees(self, owner: str) -> bool:
        """Whether a record of this owner, by who owns it now, is among those that they see."""
        return self.owner is None or (owner != "" and owner in self.owners)


class Target(NamedTuple):
    """What a route is about to touch: a kind of streams, one stream, the command asked of it; empty where none.

    operation: the name of the route, or the metric that it asks.
    """

    action: Action
    operation: str
    kind: str = ""
    stream: str = ""
    command: str = ""


class Access(Protocol):
    """Identities and rights, as a door asks for them; `infra.identity.opening.judging` opens one by the settings.

    Called by several threads. All but `describe` may wait for a database, `identify` for an issuer too (seconds): a
    door calls them where waiting holds nobody else up, unless `waits` is False.

    A door calls `identify` with each request, `allow` with its target before anything is read or written, `narrowed`
    for what is asked of a metric, `owned` for each command, and `saw_personal` with an answer that holds sealed fields
    in clear. Of a list it shows the rows that the caller `sees`, and so it does of the rows behind a figure.
    """

    waits: bool

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """Who calls, by the headers of a request, their names in lower case.

        Raises Unauthorized, or Unavailable where nobody can tell at the moment.
        """
        ...

    def allow(self, caller: Caller, target: Target) -> None:
        """Raise Forbidden where the caller may not do that; NotFound where they may not know that it is there."""
        ...

    def filters(self, caller: Caller, action: Action) -> Mapping[str, str]:
        """The parts of a question that are forced on the caller's questions, by their names; none for who sees all."""
        ...

    def narrowed(self, caller: Caller, texts: "Mapping[str, Text]") -> "Mapping[str, Text]":
        """What is asked of a metric, with the forced filters. Raises Forbidden where it asks for what is not theirs."""
        ...

    def owned(self, caller: Caller, command: Struct) -> Struct:
        """The command as the caller may give it, an owner that it leaves out filled in where they own alone.

        Raises Forbidden where it names a seller that is not theirs, NotFound where it names a record that is not.
        """
        ...

    def refused(self, caller: Caller, target: Target, error: PipelineError) -> None:
        """Log what a door refuses by itself, by what the caller sees."""
        ...

    def saw_personal(self, caller: Caller, target: Target) -> None:
        """Log that personal data was read in clear, by whom and of what."""
        ...

    def describe(self) -> str:
        """In a sentence, who may call: what `serve` says when it starts."""
        ...
