"""The audit of access: who was refused what, and who read what of persons in clear. Names records, never persons."""

from infra.identity.caller import Caller, Target
from infra.logs import Logger


class Audit:
    """Writes one line for each decision that somebody may have to account for."""

    def __init__(self, logger: Logger) -> None:
        self._log = logger.bind(logger="dealtrail.audit")

    def unknown(self, reason: str, means: str) -> None:
        """Nobody that we know asked."""
        self._log.warning("access", decision="unauthenticated", means=means, reason=reason)

    def refused(self, caller: Caller, target: Target, reason: str) -> None:
        """What somebody asked was not theirs."""
        self._log.warning("access", decision="refused", reason=reason, **_fields(caller, target))

    def personal(self, caller: Caller, target: Target) -> None:
        """Somebody read what is personal, in clear."""
        self._log.info("access", decision="personal data read", **_fields(caller, target))


def _fields(caller: Caller, target: Target) -> dict[str, str]:
    fields = {
        "actor": caller.actor, "roles": ",".join(sorted(caller.roles)), "means": caller.means,
        "credential": caller.credential, "action": target.action, "operation": target.operation, "kind": target.kind,
        "stream": target.stream, "command": target.command,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value}
