"""The operations that describe the service itself: its OpenAPI document, the page that shows it, kinds of problems."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from msgspec import Struct

from domain.errors import NotFound
from infra.http.conditional import not_modified
from infra.http.openapi import openapi
from infra.http.operations import READ, Body, Call, Operation, Parameter, Reply, encode
from infra.http.problems import KINDS, PATH
from infra.http.schemas import ANYTHING, ref
from infra.http.values import Choice
from infra.identity.caller import Target

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color-scheme:light dark}
code{font-size:.92em}summary{cursor:pointer;padding:.2rem 0}details{border-bottom:1px solid #8884}
td,th{text-align:left;vertical-align:top;padding:.15rem .8rem .15rem 0}
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"


class KindOfProblem(Struct, frozen=True):
    """A kind of problem: the `type` that documents of it have, their status, and what it means."""

    type: str
    status: int
    title: str
    meaning: str


class Describing:
    """The descriptions of the operations of a service, these themselves among them."""

    def __init__(self, others: Sequence[Operation]) -> None:
        self.operations = [*self._own(), *others]
        self._document = encode(openapi(self.operations))
        self._page = page(self.operations).encode()
        self._tag = f'"{hash(self._document) & (1 << 64) - 1:016x}"'

    def _own(self) -> Iterator[Operation]:
        yield Operation(
            "GET", "/v1/openapi.json", "openapi", "This document.", Target("describe", "openapi"), self._openapi,
            "service", answer=Body(ANYTHING), success=(200, 304), secret=False,
        )  # fmt: skip
        yield Operation(
            "GET", "/v1/docs", "docs", "This document as a page.", Target("describe", "docs"), self._docs, "service",
            answer=Body({"type": "string"}), media_type="text/html", secret=False,
        )  # fmt: skip
        name = Parameter("name", "path", Choice([*KINDS]), "The last part of a problem's `type`.", required=True)
        yield Operation(
            "GET", f"{PATH}{{name}}", "problem", "What a kind of problem means.", Target("describe", "problem"),
            described, "service", parameters=(name,), answer=Body(ref(KindOfProblem), (KindOfProblem,)), secret=False,
            statuses=READ,
        )  # fmt: skip

    async def _openapi(self, call: Call) -> Reply:
        headers = {"etag": self._tag, "cache-control": "private, no-cache"}
        return not_modified(call, self._tag) or Reply(self._document, headers=headers)

    async def _docs(self, call: Call) -> Reply:
        headers = {"content-security-policy": POLICY, "cache-control": "private, no-cache"}
        return Reply(self._page, headers=headers, media_type="text/html; charset=utf-8")


async def described(call: Call) -> Reply:
    """What a kind of problem means."""
    name = call.path["name"]
    kind = KINDS.get(name)
    if kind is None:
        raise NotFound(f"there is no kind of problem {name!r}; there are {', '.join(KINDS)}")
    return Reply(encode(KindOfProblem(PATH + name, kind.status, kind.title, kind.meaning)))


def page(operations: Sequence[Operation]) -> str:
    """The operations as a page, by tag; without any script."""
    tags = dict.fromkeys(operation.tag for operation in operations)
    parts = [f"<h2>{escape(tag)}</h2>" + "".join(map(part, (o for o in operations if o.tag == tag))) for tag in tags]
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>dealtrail: HTTP API</title><style>{STYLE}</style>"
        "<h1>dealtrail: HTTP API</h1><p>The same as <a href=openapi.json>OpenAPI 3.1</a>. Whatever is refused is a"
        f" problem document (RFC 9457).</p>{''.join(parts)}<h2>problems</h2><table>{''.join(map(row, KINDS))}</table>"
    )


def part(operation: Operation) -> str:
    """One operation."""
    rows = "".join(
        f"<tr><td><code>{escape(each.name)}</code><td>{each.place}<td>{escape(each.description)}"
        for each in operation.parameters
    )
    fields: dict[str, Any] = operation.body.schema.get("properties", {}) if operation.body else {}
    required = operation.body.schema.get("required", ()) if operation.body else ()
    rows += "".join(
        f"<tr><td><code>{escape(name)}</code><td>body<td>{'required' if name in required else ''}" for name in fields
    )
    text = escape(operation.description).replace("\n", "<br>")
    return (
        f"<details id={operation.name}><summary><code>{operation.method} {escape(operation.path)}</code> "
        f"{escape(operation.summary)}</summary><p>{text}</p><table>{rows}</table></details>"
    )


def row(name: str) -> str:
    """One kind of problem."""
    kind = KINDS[name]
    return f"<tr><td><code>{PATH}{name}</code><td>{kind.status}<td>{escape(kind.meaning)}"
