"""Who owns a record now, and whom a manager leads now: what rights follow from, read from the log and its tables."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from msgspec.json import decode
from sqlalchemy import select

from domain import BY_KIND, kind
from domain.history import History
from infra.application.app import App
from infra.application.histories import LATEST
from projections.query.tables import TEAMS, effective, known


class Led(NamedTuple):
    """The teams that somebody leads, by stream, and their members by name."""

    teams: frozenset[str]
    members: frozenset[str]


NONE = Led(frozenset(), frozenset())


def led_by(app: App, seller: str) -> Led:
    """The teams whose manager somebody is by all that is known now."""
    if not seller:
        return NONE
    rows = TEAMS.c
    with app.views() as views, views.reading() as snapshot:
        stand = select(rows.stream, rows.members).where(known(TEAMS), effective(TEAMS), rows.lead == seller)
        teams = [(stream, decode(members, type=list[str])) for stream, members in snapshot.select(stand)]
    return Led(frozenset(stream for stream, _ in teams), frozenset(name for _, names in teams for name in names))


def owners_now(app: App, streams: Iterable[str]) -> dict[str, str | None]:
    """The owner of each lead or opportunity by all that is known now, empty for none; None where there is no such.

    Whatever moment a caller asks for, it is the owner of today who sees a record.
    """
    wanted = list(dict.fromkeys(streams))
    facts = app.log.facts(wanted, LATEST)
    return {name: _owner(History(name, BY_KIND[kind(name)], facts.get(name, ())).state) for name in wanted}


def _owner(state: Any) -> str | None:
    """Whose a lead or an opportunity is in a state; those set aside are still their last owner's."""
    if state is None:
        return None
    return state.lead.profile.owner if hasattr(state, "lead") else state.deal.terms.owner
