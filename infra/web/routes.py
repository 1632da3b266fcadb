"""Which address is which page, and how an answer leaves: as HTML, JSON or CSV; an error as a page too."""

import re
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from domain.errors import Malformed, NotFound, PipelineError
from infra.web import (
    board,
    compare,
    criteria,
    figures,
    forecasts,
    forms,
    gallery,
    inbox,
    keys,
    lists,
    operations,
    records,
    saving,
    search,
    settings,
)
from infra.web.openings import open_form, opened
from infra.web.page import Page, Reply, Visit, as_csv, as_json, json_reply, see_other
from infra.web.rendering import FOREVER, as_html, statics

Kind = Literal["figures", "records", "write", "configure", "open", "service", "views", "keys"]
VARIABLE = re.compile(r"\{([a-z]+)\}")


class Route(NamedTuple):
    """An address with a method, the page that answers it, and what it touches, by which rights are judged."""

    method: Literal["GET", "POST"]
    pattern: str
    page: Callable[[Visit], Page | Reply]
    touches: Kind
    kind: str = ""  # of the records that it shows, where its address does not say


def home(visit: Visit) -> Reply:
    """The first page is the first of the navigation that is theirs: the board, for who has deals."""
    return see_other(visit.link(next((path for _, path in search.PAGES if path in visit.pages), "/settings")))


def lead_form(visit: Visit) -> Page:
    """The form of what is asked of a lead; to qualify one, that of all its criteria."""
    return criteria.criteria_form(visit) if visit.path["verb"] == criteria.VERB else forms.command_form(visit)


def lead_command(visit: Visit) -> Page | Reply:
    """What the form of a lead asks."""
    return criteria.answered(visit) if visit.path["verb"] == criteria.VERB else forms.carry_out(visit)


ROUTES: tuple[Route, ...] = (
    Route("GET", "/", home, "open"),
    Route("GET", "/board", board.board, "records", "opportunity"),
    Route("GET", "/board/cards", board.cards, "records", "opportunity"),
    Route("POST", "/board/move", board.move, "write", "opportunity"),
    Route("GET", "/opportunities", lists.opportunities, "records", "opportunity"),
    Route("GET", "/opportunities/{id}", records.record, "records"),
    Route("GET", "/opportunities/{id}/{verb}", forms.command_form, "write"),
    Route("POST", "/opportunities/{id}/{verb}", forms.carry_out, "write"),
    Route("GET", "/leads", lists.leads, "records", "lead"),
    Route("GET", "/leads/{id}", records.record, "records"),
    Route("GET", "/leads/{id}/{verb}", lead_form, "write"),
    Route("POST", "/leads/{id}/{verb}", lead_command, "write"),
    Route("GET", "/streams/{id}", settings.stream, "records"),
    Route("GET", "/streams/{id}/{verb}", forms.command_form, "configure"),
    Route("POST", "/streams/{id}/{verb}", forms.carry_out, "configure"),
    Route("GET", "/new/{kind}", open_form, "write"),
    Route("POST", "/new/{kind}", opened, "write"),
    Route("GET", "/new/{kind}/{verb}", open_form, "configure"),
    Route("POST", "/new/{kind}/{verb}", opened, "configure"),
    Route("GET", "/inbox", inbox.inbox, "records", "opportunity"),
    Route("GET", "/figures", figures.index, "figures"),
    Route("GET", "/figures/{metric}", figures.figure, "figures"),
    Route("GET", "/figures/{metric}/behind", figures.behind, "records", "opportunity"),
    Route("GET", "/forecasts", forecasts.forecasts, "records", "outlook"),
    Route("GET", "/compare", compare.compare, "figures"),
    Route("GET", "/compare/behind", compare.behind, "records", "opportunity"),
    Route("GET", "/operations", operations.operations, "service", "process"),
    Route("GET", "/settings", settings.settings, "records", "process"),
    Route("GET", "/keys/{key}/revoke", keys.revoke_form, "keys"),
    Route("POST", "/keys/{key}/revoke", keys.revoke, "keys"),
    Route("GET", "/search", search.search, "open"),
    Route("POST", "/views", saving.save, "views"),
    Route("POST", "/views/{view}", saving.rename, "views"),
    Route("POST", "/views/{view}/delete", saving.delete, "views"),
    Route("GET", "/ui", gallery.gallery, "open"),
)
TITLES = {403: "Not yours to see", 404: "Not found", 503: "Not now"}
"""Over a page that could not be had, by its status."""
STATUS = {**forms.STATUS, "Unauthorized": 401}


def route_of(method: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of an address, with its variable parts. Raises NotFound for what is none."""
    for route in ROUTES:
        if route.method == method and (match := pattern(route.pattern).fullmatch(path)):
            return route, match.groupdict()
    raise NotFound(f"path: there is no page {path}")


def pattern(text: str) -> re.Pattern[str]:
    """What the addresses of a route look like."""
    return re.compile(VARIABLE.sub(r"(?P<\1>[^/]{1,300})", text))


def answer(visit: Visit, route: Route) -> Reply:
    """What a page answers, in the form that is wanted."""
    try:
        page = route.page(visit)
        if isinstance(page, Reply):
            return page
        match visit.one("format", visit.wants):
            case "json":
                return as_json(page)
            case "csv":
                return as_csv(page)
            case "html":
                return as_html(visit, page)
            case other:
                raise Malformed(f"format: {other!r} is none of html, json, csv")
    except PipelineError as error:
        return problem(visit, error)


def problem(visit: Visit, error: PipelineError) -> Reply:
    """An error as a page, or as JSON."""
    status = STATUS.get(type(error).__name__, 500)
    if visit.wants == "json":
        return json_reply({"problem": str(error), "status": status}, status)
    text = str(error).removeprefix("id: ").removeprefix("path: ")
    parts = {"problem": f"{text[:1].upper()}{text[1:]}."}
    return as_html(visit, Page("problem.html", TITLES.get(status, "That did not work"), parts, (), status))


def file(name: str) -> Reply:
    """A file of ours. Raises NotFound where there is none of that name."""
    found = statics().get(name)
    if found is None:
        raise NotFound(f"path: there is no file {name}")
    headers: Mapping[str, str] = {"cache-control": FOREVER, "x-content-type-options": "nosniff"}
    return Reply(200, f"{found[0]}; charset=utf-8", found[1], headers)
