"""The policy: which roles may do what, and of whose records. What has no line here nobody may do."""

from typing import Literal, NamedTuple

from domain.errors import Forbidden
from infra.identity.caller import Caller, Role, Scope, Target

Reach = Literal["own", "team", "all"]
"""Of whose records: one's own, those of the members of the teams that one leads and one's own, everybody's."""
WIDEST_FIRST: tuple[Reach, ...] = ("all", "team", "own")


class Policy(NamedTuple):
    """Who may do something: the reach of each role, and the scope that a service needs; no role is nobody."""

    roles: dict[Role, Reach]
    scope: Scope | None = None
    open: bool = False  # to who was not authenticated, too

    def reach(self, caller: Caller) -> Reach | None:
        """How far the caller reaches by the widest of their roles; None where they may not do it at all."""
        reaches = [reach for role, reach in self.roles.items() if role in caller.roles]
        if "service" in caller.roles and self.scope is not None and self.scope in caller.scopes:
            reaches.append("all")
        return next((reach for reach in WIDEST_FIRST if reach in reaches), None)


SELLERS: dict[Role, Reach] = {"rep": "own", "manager": "team"}
READERS: dict[Role, Reach] = {**SELLERS, "auditor": "all"}
EVERYBODY: dict[Role, Reach] = {
    "rep": "all", "manager": "all", "analyst": "all", "auditor": "all", "admin": "all", "service": "all",
}  # fmt: skip
REFERENCE: dict[Role, Reach] = {role: "all" for role in EVERYBODY if role != "service"}

DESCRIBE = VIEWS = Policy(EVERYBODY)
FIGURES = Policy({**READERS, "analyst": "all"}, "figures")
DEALS = Policy(READERS, "records")
CUSTOMERS = Policy({"auditor": "all"}, "records")
REFERENCES = Policy(REFERENCE, "records")
TARGETS = Policy({"analyst": "all", "auditor": "all", "admin": "all"}, "records")
CALLS = Policy({"auditor": "all"}, "records")
OUTLOOKS = Policy({"analyst": "all", "auditor": "all"}, "records")
SUBJECTS = Policy({"auditor": "all", "admin": "all"}, "privacy")
FEED = Policy({"auditor": "all"}, "feed")
JOBS = Policy({}, "jobs")
KEYS = Policy({"admin": "all"})  # to revoke one; who makes one, which may be of any role, has a shell
WEBHOOKS = Policy({"admin": "all"}, "feed")  # a service gets what it may follow itself
WORK = Policy(SELLERS, "commands")
JUDGE = Policy({"manager": "team"}, "commands")
CONFIGURE = Policy({"admin": "all"}, "configuration")
PRIVACY = Policy({"admin": "all"}, "privacy")
FOLLOW = Policy({}, "commands")  # what follows from deals, or is issued by a schedule over everybody's

RECORDS: dict[str, Policy] = {
    "lead": DEALS,
    "opportunity": DEALS,
    "customer": CUSTOMERS,
    "process": REFERENCES,
    "framework": REFERENCES,
    "rate": REFERENCES,
    "team": REFERENCES,
    "calendar": REFERENCES,
    "quota": TARGETS,
    "forecast": CALLS,
    "outlook": OUTLOOKS,
    "subject": SUBJECTS,
}
"""Who reads records, by kind of stream."""
COMMANDS_OF: dict[str, Policy] = {
    "lead": WORK,
    "opportunity": WORK,
    "customer": FOLLOW,
    "process": CONFIGURE,
    "framework": CONFIGURE,
    "rate": CONFIGURE,
    "team": CONFIGURE,
    "calendar": CONFIGURE,
    "quota": CONFIGURE,
    "forecast": WORK,
    "outlook": FOLLOW,
    "subject": PRIVACY,
}
"""Who gives commands, by the kind of stream that decides them."""
SINGLE: dict[str, Policy] = {"adjust-forecast": JUDGE}
"""Commands that are not for all who may give the others of their kind."""
OWNED = ("lead", "opportunity")
"""The kinds of streams that somebody owns, by whose owner they are seen. A stream of quotas or forecasts is of several
sellers, and a customer of nobody: who sees some records alone sees none of these, but their figures."""


def policy_of(target: Target) -> Policy:
    """The policy of what a route does. Raises LookupError where nobody wrote one."""
    match target:
        case Target(action="describe"):
            return DESCRIBE
        case Target(action="views"):
            return VIEWS
        case Target(action="keys"):
            return KEYS
        case Target(action="figures"):
            return FIGURES
        case Target(action="events"):
            return FEED
        case Target(action="jobs"):
            return JOBS
        case Target(action="webhooks"):
            return WEBHOOKS
        case Target(action="records", kind=kind) if kind:
            return RECORDS[kind]
        case Target(action="write" | "configure", command=command, kind=kind) if command and kind:
            return SINGLE[command] if command in SINGLE else COMMANDS_OF[kind]
        case Target(action="write" | "configure"):  # several commands, each of which is judged by itself
            return Policy({**SELLERS, "admin": "all"}, "commands")
        case _:
            raise LookupError(f"{target.action} {target.operation}: what it is about is not said, so nobody may do it")


def check(caller: Caller, target: Target) -> Reach:
    """How far the caller reaches. Raises Forbidden, saying what their roles lack."""
    policy = policy_of(target)
    reach = policy.reach(caller)
    if reach is None:
        what = target.command or " ".join(part for part in (target.action, target.kind) if part)
        allowed = [*policy.roles, *([f"service with the scope {policy.scope}"] if policy.scope else [])]
        raise Forbidden(
            f"{what}: {caller.actor} is {', '.join(sorted(caller.roles)) or 'without a role'}; "
            f"allowed to: {', '.join(allowed)}"
        )
    return reach
