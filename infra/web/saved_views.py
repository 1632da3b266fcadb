"""Views that people saved of a page: its filters, order and columns under a name, for themselves or for everybody."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from domain.errors import Forbidden, NotFound, Rejected
from infra.control import LazyControl
from infra.identifiers import uuid7
from infra.identity.caller import Caller
from infra.store.clock import now
from infra.store.log import Row
from infra.web.page import MOMENT, Visit, address

MOST = 100  # views of one person
COLUMNS = "id, actor, page, name, query, shared, created_at"
SHARING = {"manager", "admin"}


class SavedView(NamedTuple):
    """A view: whose it is, of which page, its name, the query that it keeps; shared: whether everybody finds it."""

    id: str
    actor: str
    page: str
    name: str
    query: str
    shared: bool
    created_at: int


class SavedViews:
    """The views of one log, in its control tables. Safe for threads."""

    def __init__(self, control: LazyControl) -> None:
        self._control = control

    def every(self, actor: str) -> list[SavedView]:
        """Those that somebody finds, by page and name: their own, and what others shared."""
        control = self._control.to_read()
        if control is None:
            return []
        sql = f"SELECT {COLUMNS} FROM saved_views WHERE actor = ? OR shared = 1 ORDER BY page, name, id"  # noqa: S608
        return [_view(row) for row in control.run(sql, actor)]

    def save(self, view: SavedView) -> SavedView:
        """Keep a view, in the place of the one that this person had on the page under its name.

        Raises Rejected where they have too many.
        """
        control = self._control.to_write()
        with control.transaction():
            own = [each for each in self.every(view.actor) if each.actor == view.actor]
            before = next((each for each in own if (each.page, each.name) == (view.page, view.name)), None)
            if before is None and len(own) >= MOST:
                raise Rejected(f"there are {MOST} views of {view.actor} already: delete one that is not needed")
            kept = view._replace(id=before.id if before else f"view-{uuid7(view.created_at)}")
            control.run("DELETE FROM saved_views WHERE id = ?", kept.id)
            control.run(f"INSERT INTO saved_views ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)", *_values(kept))  # noqa: S608
        return kept

    def change(self, caller: Caller, view: SavedView) -> SavedView:
        """Keep a view as it is now. Raises NotFound, Forbidden where it is another's, Rejected for a name in use."""
        before = self.one(caller, view.id)
        after = view._replace(actor=before.actor, created_at=before.created_at)
        control = self._control.to_write()
        with control.transaction():
            same = "SELECT 1 FROM saved_views WHERE actor = ? AND page = ? AND name = ? AND id <> ?"
            if control.run(same, after.actor, after.page, after.name, after.id):
                raise Rejected(f"name: there is a view {after.name!r} of this page already")
            sql = "UPDATE saved_views SET page = ?, name = ?, query = ?, shared = ? WHERE id = ?"
            control.run(sql, after.page, after.name, after.query, int(after.shared), after.id)
        return after

    def remove(self, caller: Caller, name: str) -> None:
        """Keep a view no more. Raises NotFound, and Forbidden where it is another's."""
        self._control.to_write().run("DELETE FROM saved_views WHERE id = ?", self.one(caller, name).id)

    def one(self, caller: Caller, name: str) -> SavedView:
        """A view that somebody may change. Raises NotFound, and Forbidden where it is another's."""
        view = next((each for each in self.every(caller.actor) if each.id == name), None)
        if view is None:
            raise NotFound(f"there is no view {name}")
        if not is_theirs(caller, view):
            raise Forbidden(f"the view {view.name!r} is {view.actor}'s: who saved it changes it, or an admin")
        return view


class Bar(NamedTuple):
    """The saved views of a page. query: what would be saved now; here: the view that it is, if it is one.

    changes: whether the reader may change that view. shares: whether they may share one.
    """

    views: Sequence[tuple[SavedView, str]]
    query: str
    here: SavedView | None
    changes: bool
    shares: bool


def bar(visit: Visit, fields: Sequence[str]) -> Bar:
    """The views of the page that is visited, whose query has these fields."""
    query = query_of(visit, fields)
    found = [each for each in SavedViews(visit.control).every(visit.actor) if each.page == visit.address]
    here = next((each for each in found if each.query == query), None)
    links = [(each, linked(visit, each)) for each in found]
    return Bar(links, query, here, here is not None and is_theirs(visit.caller, here), may_share(visit.caller))


def query_of(visit: Visit, fields: Sequence[str]) -> str:
    """The part of a page's query that a view keeps: some fields in their order, those left empty aside."""
    return urlencode([(name, value) for name in fields for value in visit.query.get(name, ()) if value])


def linked(visit: Visit, view: SavedView) -> str:
    """Where a view leads, at the moment that the page is of."""
    plain = address(view.page, {name: visit.one(name) for name in MOMENT})
    return f"{plain}{'&' if '?' in plain else '?'}{view.query}" if view.query else plain


def new_view(caller: Caller, page: str, name: str, query: str, shared: bool) -> SavedView:
    """A view that somebody saves now. Raises Forbidden where they may not share one."""
    if shared and not may_share(caller):
        raise Forbidden(f"shared: a view is shared by a {' or an '.join(sorted(SHARING, reverse=True))}")
    return SavedView("", caller.actor, page, name, query, shared, now())


def is_theirs(caller: Caller, view: SavedView) -> bool:
    """Whether somebody may change a view: it is their own, or they are an admin."""
    return view.actor == caller.actor or "admin" in caller.roles


def may_share(caller: Caller) -> bool:
    """Whether somebody may save a view that everybody finds."""
    return bool(caller.roles & SHARING)


def _view(row: Row) -> SavedView:
    name, actor, page, title, query, shared, created_at = row
    return SavedView(str(name), str(actor), str(page), str(title), str(query), shared == 1, int(str(created_at)))


def _values(view: SavedView) -> tuple[object, ...]:
    return (*view[:5], int(view.shared), view.created_at)
