"""The verbs `api-key create|list|revoke`: what scripts and services show to be let in."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from domain.errors import Malformed, NotFound
from infra.cli.grammar import App, Parameter
from infra.cli.groups import LOG
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Table

if TYPE_CHECKING:
    from infra.identity.keys import ApiKey

RoleName = Literal["rep", "manager", "analyst", "auditor", "admin", "service"]
ScopeName = Literal["commands", "configuration", "privacy", "records", "personal", "figures", "feed", "jobs"]
PREFIX = 12  # hexadecimal digits


def register(app: App) -> None:
    """Add the verbs."""
    keys = app.noun("api-key", "What scripts and services show to be let in by the HTTP API.", LOG)
    keys.command(create)
    keys.command(list_, name="list")
    keys.command(revoke)


def create(
    actor: Annotated[str, Parameter(help="Under which name facts are recorded.", example="crm-sync")],
    *,
    role: Annotated[list[RoleName], Parameter(help="What it may do; again for another role.")],
    owner: Annotated[str, Parameter(help="Which seller a rep or a manager is in the log.", example="ann")] = "",
    scope: Annotated[list[ScopeName] | None, Parameter(help="What a service may do; again for another scope.")] = None,
    days: Annotated[int, Parameter(help="For how many days it is valid.")] = 90,
    asking: Options = HERE,
) -> None:
    """Make a key, and print it once: what is kept opens nothing, so a key that is lost is revoked and made anew."""
    from infra.control import open_control
    from infra.identity import keys
    from infra.store.clock import now

    wanted = keys.Wanted(actor, tuple(dict.fromkeys(role)), owner, tuple(dict.fromkeys(scope or ())), days)
    with asking.reading() as app:
        control = open_control(app.settings.db, app.log.identity())
        try:
            text, key = keys.create(control, wanted, app.settings.who, now())
        finally:
            control.close()
        on = app.settings.service.keys
    if asking.json:
        return asking.answer({"key": text, **described(key)})
    stdout().text(text)
    note(f"{key.prefix} is valid until {day(key.expires_at)}; it is printed this once, and kept nowhere")
    if not on:
        note("it opens nothing yet: the service takes keys where service.keys is true (DEALTRAIL_SERVICE_KEYS=true)")


def list_(*, asking: Options = HERE) -> None:
    """Every key that there ever was, the newest first, without what it takes to use one."""
    from infra.control import control_to_read
    from infra.identity import keys

    with asking.reading() as app:
        control = control_to_read(app.settings.db, app.log.identity())
        try:
            found = keys.listed(control) if control else []
        finally:
            if control:
                control.close()
    if asking.json:
        return asking.answer([described(key) for key in found])
    if not found:
        return stdout().text("there are no keys")
    table = Table("prefix", "actor", "roles", "owner", "scopes", "until", "state")
    for each in map(described, found):
        table.add(each["prefix"], each["actor"], " ".join(each["roles"]), each["owner"], " ".join(each["scopes"]),
                  each["expires_at"][:10], each["state"])  # fmt: skip
    stdout().table(table)


def revoke(
    prefix: Annotated[
        str, Parameter(help="The twelve digits after dtk_, as `api-key list` shows them.", example="0a1b2c3d4e5f")
    ],
    *,
    asking: Options = HERE,
) -> None:
    """Let a key open nothing any more, from now on."""
    from infra.control import control_to_read, open_control
    from infra.identity import keys
    from infra.store.clock import now

    if len(prefix) != PREFIX or not set(prefix) <= set("0123456789abcdef"):
        raise Malformed("prefix: it is the twelve digits after dtk_; a whole key stands in no command line")
    with asking.reading() as app:
        there = control_to_read(app.settings.db, app.log.identity())
        if there is None:
            raise NotFound(f"there is no key of the prefix {prefix!r}")
        there.close()
        control = open_control(app.settings.db, app.log.identity())
        try:
            key = keys.revoke(control, prefix, app.settings.who, now())
        finally:
            control.close()
    if asking.json:
        return asking.answer(described(key))
    stdout().text(f"revoked    {key.prefix}, of {key.actor}, by {key.revoked_by}")


def described(key: "ApiKey") -> dict[str, Any]:
    """What is shown of a key, its times as RFC 3339 has them."""
    from msgspec import to_builtins

    from infra.store.clock import now

    times = {name: day(getattr(key, name)) for name in ("created_at", "expires_at", "revoked_at")}
    return {**to_builtins(key), **times, "state": key.state(now())}


def day(moment: int) -> str:
    """An instant, empty for never."""
    from domain.recorded import instant

    return instant(moment).isoformat(timespec="seconds") if moment else ""
