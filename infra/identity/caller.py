"""Who asks, what they may see, and the seam between a door and those who judge."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from infra.application.questions import Text

Role = Literal["rep", "manager", "analyst", "auditor", "admin", "service"]
ROLES: tuple[Role, ...] = ("rep", "manager", "analyst", "auditor", "admin", "service")
Scope = Literal[
    "commands", "configuration", "privacy", "records", "personal", "figures", "feed", "imports", "webhooks"
]  # fmt: skip
SCOPES: tuple[Scope, ...] = (
    "commands", "configuration", "privacy", "records", "personal", "figures", "feed", "imports", "webhooks"
)  # fmt: skip
Means = Literal["local", "key", "token"]
Owners = frozenset[str] | None
"""Sellers by name; None for everybody, and for what nobody owns."""
NOBODY: frozenset[str] = frozenset()


class Caller(NamedTuple):
    """Who was authenticated.

    actor: the name that facts are recorded under. roles: where there are none, nothing is allowed. owner: the seller
    that they are in the log, empty for nobody; what a rep owns and which teams a manager leads follow from it. scopes:
    what a service may. means: how they were authenticated; credential: what tells one credential from another without
    being it (the prefix of a key, the subject of a token), by which rates are limited and refusals logged.
    """

    actor: str
    roles: frozenset[Role]
    owner: str = ""
    scopes: frozenset[Scope] = frozenset()
    means: Means = "local"
    credential: str = ""


class Operation(NamedTuple):
    """What a route does, by which its policy is known; every route of a door has one.

    act: `command` (subject: the command's tag), `bulk` (each of its commands is judged by itself), `list`, `record` or
    `timeline` (subject: the kind of stream), `metric`, `explain` or `diff` (subject: the metric), `export` (subject:
    its format), `import`, `job`, `webhook`, `feed`, `status` (positions, lag), `open` (health, documents: nobody has to
    be authenticated).
    """

    act: str
    subject: str = ""


class Rights(NamedTuple):
    """What of an operation a caller may see: filters that are forced on it.

    figures: whose deals count in figures, as each metric's definition attributes them, and teams: the streams of teams
    whose deals do beside them. records: whose single records may be seen, by who owns them now. personal: in whose
    records personal texts are shown in clear; they are masked in all others.
    """

    figures: Owners
    records: Owners
    personal: Owners
    teams: frozenset[str] = frozenset()

    def sees(self, owner: str) -> bool:
        """Whether a record of this owner may be seen."""
        return self.records is None or (owner != "" and owner in self.records)

    def sees_personal(self, owner: str) -> bool:
        """Whether the personal texts of a record of this owner are shown in clear."""
        return self.personal is None or (owner != "" and owner in self.personal)


class Access(Protocol):
    """What a door asks of those who judge; `infra.identity.judge.Judge` is the one there is.

    A door calls `caller` with each request and `rights` with the operation of its route, before anything is read.
    Refusals are logged there. Then, by what the route does: `check_stream` for one record; `Rights.records` as the
    filter of a list; `narrowed` for what is asked of a metric, where rows behind a figure are those that `Rights.sees`;
    `permitted` for each command. `infra.identity.masking` masks what `Rights.sees_personal` says no to; an answer with
    personal texts in clear calls `saw_personal`.
    """

    def caller(self, authorization: str) -> Caller:
        """Who sends this header `Authorization`. Raises Unauthenticated (401), or Unavailable where nobody can tell."""
        ...

    def rights(self, caller: Caller, operation: Operation) -> Rights:
        """What they may see of it. Raises Forbidden where it is not theirs to do at all."""
        ...

    def check_stream(self, caller: Caller, operation: Operation, rights: Rights, stream: str) -> str:
        """The owner now of a record, empty for none. Raises NotFound where it is not theirs to see, as if not there."""
        ...

    def narrowed(self, caller: Caller, operation: Operation, rights: Rights, texts: "Mapping[str, Text]") -> "Mapping[str, Text]":  # fmt: skip
        """What is asked of a metric, with the forced filters. Raises Forbidden where it asks for what is not theirs."""
        ...

    def permitted(self, caller: Caller, stream: str, command: Struct) -> Struct:
        """The command as it may be given to a stream (empty where it opens one), an owner left out filled in.

        Raises Forbidden where it is not theirs to give, NotFound where it names a record that is not theirs to see.
        """
        ...

    def saw_personal(self, caller: Caller, operation: Operation, stream: str) -> None:
        """Log that personal data was read in clear, by whom and of what."""
        ...
