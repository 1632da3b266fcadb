"""Forms by which a view of a page is saved, renamed and deleted, and what a view may hold."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from domain.errors import Malformed
from infra.web import board, lists
from infra.web.page import Reply, Visit, address, see_other
from infra.web.saved_views import SavedViews, new_view
from projections.records import KINDS
from projections.records.kind import WORDS

FIELDS: Mapping[str, tuple[str, ...]] = {
    "/board": board.SAVED,
    "/opportunities": lists.saved_fields("opportunity"),
    "/leads": lists.saved_fields("lead"),
}
"""The pages that views are saved of, with the fields of their queries."""
LONGEST_NAME, LONGEST_QUERY = 60, 2_000  # characters


def checked_view(page: str, name: str, query: str) -> tuple[str, str]:
    """The name and the query of a view, as they are kept. Raises Malformed naming the field.

    A view keeps no name of a person: it would stand in clear where no erasure looks for it.
    """
    title = " ".join(name.split())
    if not title or len(title) > LONGEST_NAME or not title.isprintable():
        raise Malformed(f"name: say how the view is called, in 1 to {LONGEST_NAME} printable characters")
    if page not in FIELDS:
        raise Malformed(f"page: {page[:40]!r} has no views; there are {', '.join(FIELDS)}")
    if len(query) > LONGEST_QUERY or not query.isascii() or not query.isprintable():
        raise Malformed(f"query: is no query of an address, of at most {LONGEST_QUERY:,} characters")
    try:
        given = parse_qsl(query, True, bool(query), "utf-8", "strict")
    except ValueError as error:
        raise Malformed(f"query: {error}") from None
    kind = {"/leads": "lead"}.get(page, "opportunity")
    for field, _ in given:
        if field not in FIELDS[page]:
            raise Malformed(f"query: there is no field {field[:40]!r} on {page}; there are {', '.join(FIELDS[page])}")
        if field in KINDS[kind].filters and KINDS[kind].filters[field].reads == WORDS:
            raise Malformed(f"query: {field}: a view keeps no name of a person, which could not be erased there")
    return title, address("", {name: [v for n, v in given if n == name] for name in FIELDS[page]}).lstrip("?")


def save(visit: Visit) -> Reply:
    """Save the view that the form is of, and look at it."""
    page = field(visit, "page")
    name, query = checked_view(page, field(visit, "name"), field(visit, "query"))
    SavedViews(visit.control).save(new_view(visit.caller, page, name, query, field(visit, "shared") == "yes"))
    return see_other(f"{page}?{query}" if query else page)


def rename(visit: Visit) -> Reply:
    """Give a view another name."""
    views = SavedViews(visit.control)
    view = views.one(visit.caller, visit.path["view"])
    name, _ = checked_view(view.page, field(visit, "name"), view.query)
    view = views.change(visit.caller, view._replace(name=name))
    return see_other(f"{view.page}?{view.query}" if view.query else view.page)


def delete(visit: Visit) -> Reply:
    """Keep a view no more; what it showed is still looked at."""
    views = SavedViews(visit.control)
    view = views.one(visit.caller, visit.path["view"])
    views.remove(visit.caller, view.id)
    return see_other(f"{view.page}?{view.query}" if view.query else view.page)


def field(visit: Visit, name: str) -> str:
    """A field of the form, empty where it is not there."""
    return next(iter(visit.form.get(name, ())), "")
