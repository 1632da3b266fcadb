"""Where nobody has to show who they are: one identity for all who reach the loopback address."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from domain.errors import Forbidden, PipelineError
from infra.identity.caller import EVERY_SCOPE, Action, Caller, Target

if TYPE_CHECKING:
    from infra.application.questions import Text

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


class Local:
    """Implements `Access` for who sits at the machine: they do everything, under one name."""

    waits = False

    def __init__(self, actor: str) -> None:
        self._caller = Caller(actor, frozenset({"admin", "service"}), scopes=EVERY_SCOPE)

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """The one identity; Forbidden where a page of another host sends its reader's browser here."""
        host = headers.get("host", "")
        if (host if host.endswith("]") else host.rpartition(":")[0] or host) not in LOOPBACK:
            raise Forbidden(f"host: {host!r} is not this machine; without identities only localhost is served")
        return self._caller

    def allow(self, caller: Caller, target: Target) -> None:
        """Everything is allowed to who sits at the machine."""

    def filters(self, caller: Caller, action: Action) -> Mapping[str, str]:
        """None: they see all."""
        return {}

    def narrowed(self, caller: Caller, texts: "Mapping[str, Text]") -> "Mapping[str, Text]":
        """What is asked."""
        return texts

    def owned(self, caller: Caller, command: Struct) -> Struct:
        """The command."""
        return command

    def refused(self, caller: Caller, target: Target, error: PipelineError) -> None:
        """Nothing is: they see all."""

    def saw_personal(self, caller: Caller, target: Target) -> None:
        """Who sits at the machine has the key file as well: nothing is learnt from a line."""

    def describe(self) -> str:
        """Who may call."""
        return f"no identities are configured: whoever reaches this machine's loopback address is {self._caller.actor}"
