"""Pages become HTML: templates, what they may call, and files of our own by the hash of their content."""

import hashlib
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from domain.recorded import instant
from infra.application.answers import day_and_time, text
from infra.web.page import Page, Reply, Visit

HERE = Path(__file__).parent
HASH = 12  # characters of a hash that name a file
KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "private, no-store",
}


@cache
def statics() -> dict[str, tuple[str, bytes]]:
    """The files of our own: their kind and content by the name that they are asked for with."""
    return {
        path.name: (KINDS[path.suffix], path.read_bytes())
        for path in sorted((HERE / "static").iterdir())
        if path.suffix in KINDS
    }


@cache
def version() -> str:
    """A hash of all files of our own: modules import one another by name, so that one is never of another version."""
    return hashlib.sha256(b"".join(content for _, content in statics().values())).hexdigest()[:HASH]


def static(name: str) -> str:
    """The address of a file of ours, which changes with what is in them."""
    return f"/static/{version()}/{name}"


@cache
def environment() -> Environment:
    """The templates; a name that a page does not give is an error, and nothing is markup that we did not write."""
    found = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals.update(static=static, icon=icon)  # type: ignore[arg-type]
    found.filters.update(time=time_of, unit=unit)
    found.tests["moment"] = is_moment
    return found


def icon(name: str) -> Markup:
    """A picture of ours beside a word."""
    return Markup('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>').format(
        static("icons.svg"), name
    )


def is_moment(value: Any) -> bool:
    """Whether a value is an instant, which readers see in their zone."""
    return isinstance(value, datetime)


def time_of(moment: datetime | int) -> Markup:
    """A moment as people read it, the exact one beside it; a script puts it into the reader's zone."""
    when = instant(moment) if isinstance(moment, int) else moment
    day, clock = day_and_time(when, UTC, seconds=False)
    exact = when.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return Markup('<time datetime="{}" title="{}">{} {}</time>').format(exact, exact, day, escape(clock))


def unit(value: Any, of: str, currency: str = "") -> str:
    """A figure as people read it, by its unit."""
    return text(of, value, currency)


def as_html(visit: Visit, page: Page) -> Reply:
    """A page as HTML."""
    template = environment().get_template(page.template)
    html = template.render(visit=visit, page=page, title=page.title, tables=page.tables, **page.parts)
    return Reply(page.status, "text/html; charset=utf-8", html.encode(), {**HEADERS, **page.headers})


def alone(page: Page) -> Reply:
    """A page as HTML that nobody in particular looks at."""
    html = environment().get_template(page.template).render(title=page.title, **page.parts)
    return Reply(page.status, "text/html; charset=utf-8", html.encode(), {**HEADERS, **page.headers})
