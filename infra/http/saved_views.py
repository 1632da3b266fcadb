"""Saved views over HTTP: the filters, order and columns of a page under a name."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, cast

from msgspec import Meta, Struct

from domain.recorded import instant
from infra.application.requests import parse
from infra.http.operations import Body, Call, Operation, Parameter, Reply, encode
from infra.http.schemas import array, ref
from infra.http.values import Text
from infra.http.writing import read_object
from infra.identity.caller import Target
from infra.web.saved_views import SavedView, new_view
from infra.web.saving import LONGEST_NAME, LONGEST_QUERY, checked_view

WRITES = (400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503)
NAME = Parameter("name", "path", Text("view-[0-9a-f-]{1,60}", "a view", 6, 80), "Which view.", required=True)
RULES = "The page has each field of the query; no name of a person is kept; who shares is a manager or an admin."


class ViewRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A view to keep.

    page: that which it is of. name: how it is called there. query: filters, order and columns as the page's address has
    them, without its moment. shared: whether everybody finds it.
    """

    page: Literal["/board", "/leads", "/opportunities"]
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern="^[^\\u0000-\\u001f]+$")]
    query: Annotated[str, Meta(max_length=LONGEST_QUERY, pattern="^[!-~]*$")] = ""
    shared: bool = False


class View(ViewRequest, frozen=True, kw_only=True):
    """A view as it is kept, and whose it is."""

    id: str
    actor: str
    created_at: datetime


def operations() -> Iterator[Operation]:
    """To see one's views, keep one, change it, and delete it."""
    asked, one = Body(ref(ViewRequest), (ViewRequest,)), Body(ref(View), (View,))
    yield Operation(
        "GET", "/v1/views", "views", "Your views, and those that others shared.", Target("views", "views"),
        listed, "views", answer=Body(array(ref(View)), (View,)),
    )  # fmt: skip
    yield Operation(
        "POST", "/v1/views", "view-save", "Keep a view, in the place of yours of that page and name.",
        Target("views", "view-save"), save, "views", "", (), asked, one, (201,), WRITES, rules=RULES,
    )  # fmt: skip
    yield Operation(
        "PUT", "/v1/views/{name}", "view-change", "Give a view another name, or other filters.",
        Target("views", "view-change"), change, "views", "Yours; an admin's also those that others shared.", (NAME,),
        asked, one, (200,), WRITES, rules=RULES,
    )  # fmt: skip
    yield Operation(
        "DELETE", "/v1/views/{name}", "view-delete", "Keep a view no more.", Target("views", "view-delete"), delete,
        "views", parameters=(NAME,), success=(204,), statuses=WRITES,
    )  # fmt: skip


async def listed(call: Call) -> Reply:
    """The caller's views, and the shared ones."""
    return Reply(encode([document(each) for each in await call.read(call.service.views.every, call.caller.actor)]))


async def save(call: Call) -> Reply:
    """Keep a new view."""
    kept = await call.read(call.service.views.save, view_of(call))
    return Reply(encode(document(kept)), 201, {"location": f"/v1/views/{kept.id}"})


async def change(call: Call) -> Reply:
    """Keep a view as it is now."""
    view = view_of(call)._replace(id=call.path["name"])
    return Reply(encode(document(await call.read(call.service.views.change, call.caller, view))))


async def delete(call: Call) -> Reply:
    """Keep a view no more."""
    await call.read(call.service.views.remove, call.caller, call.path["name"])
    return Reply(status=204)


def view_of(call: Call) -> SavedView:
    """The view that a request is of. Raises Malformed naming the field, Forbidden where they may not share."""
    wanted = parse(ViewRequest, read_object(call.body))
    name, query = checked_view(wanted.page, wanted.name, wanted.query)
    return new_view(call.caller, wanted.page, name, query, wanted.shared)


def document(view: SavedView) -> View:
    """A view as it is handed out."""
    return View(
        cast(Any, view.page),
        view.name,
        view.query,
        view.shared,
        id=view.id,
        actor=view.actor,
        created_at=instant(view.created_at),
    )
