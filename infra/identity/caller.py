"""Who asks: the caller as a door knows them, and the seam between a door and those who judge."""

from typing import Literal, NamedTuple, Protocol

Role = Literal["rep", "manager", "analyst", "auditor", "admin", "service"]
ROLES: tuple[Role, ...] = ("rep", "manager", "analyst", "auditor", "admin", "service")
Means = Literal["local", "key", "token"]
Scope = Literal["commands", "records", "figures", "feed", "imports", "webhooks"]
SCOPES: tuple[Scope, ...] = ("commands", "records", "figures", "feed", "imports", "webhooks")


class Caller(NamedTuple):
    """Who was authenticated.

    actor: the name that facts are recorded under. roles: none means that nothing is allowed. owner: the seller that
    they are in the log, empty for nobody; what a rep owns and which teams a manager leads follow from it. scopes: what
    a service may. means: how they were authenticated; credential: what tells one credential from another without being
    it (the prefix of a key, the `jti` of a token), by which rates are limited and refusals logged.
    """

    actor: str
    roles: frozenset[Role]
    owner: str = ""
    scopes: frozenset[Scope] = frozenset()
    means: Means = "local"
    credential: str = ""


class Operation(NamedTuple):
    """What a route does, by which its policy is known; every route of a door has one.

    act: `command` (subject: the command's tag), `list`, `record` or `timeline` (subject: the kind of stream),
    `metric`, `explain` or `diff` (subject: the metric), `export` (subject: its format), `import`, `job`, `webhook`,
    `feed`, `status` (positions, lag), `open` (health, documents: nobody has to be authenticated).
    """

    act: str
    subject: str = ""


class Rights(NamedTuple):
    """What of an operation a caller may see: filters that are forced on it.

    owners: whose records, by who owns them now; None for everybody's. personal: whether personal fields are shown, or
    masked. records: whether single records may be seen, or figures alone: an answer then names none of them.
    writes: whether this is allowed to change anything.
    """

    owners: frozenset[str] | None
    personal: bool
    records: bool
    writes: bool

    def covers(self, owner: str) -> bool:
        """Whether a record of this owner may be seen."""
        return self.records and (self.owners is None or owner in self.owners)


class Access(Protocol):
    """What a door asks of those who judge; `infra.identity.judge.Judge` is the one there is.

    A door calls `caller` with each request, `rights` with the operation of its route before anything is read, and
    `check_stream` where the operation names a stream; refusals are logged there. Of lists and figures it narrows what
    is asked by `Rights.owners`. With an answer that holds personal texts in clear it calls `saw_personal`.
    """

    def caller(self, authorization: str) -> Caller:
        """Who sends this header `Authorization`. Raises Unauthenticated (401), or Unavailable where nobody can tell."""
        ...

    def rights(self, caller: Caller, operation: Operation) -> Rights:
        """What they may see of it. Raises Forbidden where it is not theirs to do at all."""
        ...

    def check_stream(self, caller: Caller, rights: Rights, stream: str) -> None:
        """Raise NotFound where a record's owner now is none of those whose records they may see."""
        ...

    def saw_personal(self, caller: Caller, operation: Operation, stream: str) -> None:
        """Log that personal data was read in clear, by whom and of what."""
        ...
