"""The API keys under settings: who is let in by one, as what, and until when; and the form that revokes one."""

from datetime import UTC

from domain.errors import NotFound
from domain.recorded import instant
from infra.application.answers import day_and_time
from infra.identity.keys import ApiKey, listed
from infra.identity.keys import revoke as revoke_key
from infra.store.clock import now
from infra.web.page import Cell, Column, Page, Reply, Table, Visit, see_other

TONES = {"valid": "good", "revoked": "bad", "expired": ""}


def keys_of(visit: Visit) -> list[ApiKey]:
    """Every key that there ever was, the newest first."""
    control = visit.control.to_read()
    return listed(control) if control else []


def table(visit: Visit) -> Table:
    """The keys; one that is valid leads to the form that revokes it."""
    columns = (
        Column("prefix", "Key"), Column("actor", "Records as"), Column("roles", "Roles"), Column("owner", "Seller"),
        Column("scopes", "Scopes"), Column("created_by", "Made by"), Column("expires_at", "Until"),
        Column("state", "State"), Column("do", "To do"),
    )  # fmt: skip
    moment, rows = now(), list[list[Cell]]()
    for each in keys_of(visit):
        state, until = each.state(moment), instant(each.expires_at)
        revokes = state == "valid" and not visit.past
        rows.append(
            [
                *map(Cell, (each.prefix, each.actor, ", ".join(each.roles), each.owner, ", ".join(each.scopes))),
                Cell(each.created_by),
                Cell(day_and_time(until, UTC, seconds=False)[0], until),
                Cell(state, state, tone=TONES[state]),
                Cell("Revoke" if revokes else "", "", f"/keys/{each.prefix}/revoke" if revokes else ""),
            ]
        )
    empty = "There is no key. dealtrail api-key create makes one."
    return Table("api-keys", columns, rows, "API keys", empty=empty)


def revoke_form(visit: Visit) -> Page:
    """What revoking a key does, and the button that does it. Raises NotFound."""
    found = next((each for each in keys_of(visit) if each.prefix == visit.path["key"]), None)
    if found is None:
        raise NotFound(f"key: there is no key of the prefix {visit.path['key'][:40]!r}")
    return Page("key.html", f"Revoke the key of {found.actor}", {"key": found, "state": found.state(now())})


def revoke(visit: Visit) -> Reply:
    """The key opens nothing from now on."""
    revoke_key(visit.control.to_write(), visit.path["key"], visit.actor, now())
    return see_other("/settings#api-keys")
