"""The operations that hand out a whole list, all its pages at one moment, for other programs to read."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from infra.application.exports import csv_lines, json_line
from infra.application.names import PLURALS
from infra.http.figures import EFFECTIVE_AT, KNOWN_AT, STATUSES
from infra.http.operations import Body, Call, Operation, Parameter, Reply
from infra.http.positions import WAIT, check_reached
from infra.http.records import list_parameters, reading, texts_of
from infra.http.values import Choice
from infra.identity.caller import Target
from projections.records import KINDS
from projections.records.listing import Listing

FORMATS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
PAGE = 500  # records read at once
LEFT_OUT = ("cursor", "limit", "totals")  # parts of a list that make no sense of the whole of it
NAME_RULE = "A name that is looked for has a word."
FORMAT = Parameter("format", "query", Choice([*FORMATS]), "CSV, or JSON Lines; CSV if left out.")


def operations() -> Iterator[Operation]:
    """The export of each kind that has records."""
    for kind in KINDS.values():
        parameters = (each for each in list_parameters(kind) if each.name not in LEFT_OUT)
        yield Operation(
            "GET", f"/v1/exports/{PLURALS[kind.name]}", f"{kind.name}-export",
            f"All {kind.plural.replace('-', ' ')} that match, at one moment, as a file.",
            Target("records", "export", kind.name), export, "exports",
            "Cells that a spreadsheet would take for a formula are quoted; columns are those of the records of a list.",
            (*parameters, FORMAT, KNOWN_AT, EFFECTIVE_AT, WAIT), None, Body({"type": "string"}), (200,), STATUSES,
            media_type="text/csv", also=("application/jsonl",), rules=NAME_RULE if "name" in kind.filters else "",
        )  # fmt: skip


async def export(call: Call) -> Reply:
    """A whole list."""
    form, kind = call.query.get("format", "csv"), call.operation.target.kind
    texts = {name: value for name, value in texts_of(call).items() if name != FORMAT.name}
    first = await call.read(page_of, call, texts)  # what is refused is refused before anything is sent
    headers = {"content-disposition": f'attachment; filename="{PLURALS[kind]}.{form}"'}
    return Reply(headers=headers, media_type=FORMATS[form], stream=flowing(call, texts, first, form))


def page_of(call: Call, texts: dict[str, Any], cursor: str = "") -> Listing:
    """A page of the list, of what the caller sees."""
    check_reached(call.service.app.log, call.query)
    asked = {**texts, "limit": str(PAGE), "totals": "no"}
    if cursor:
        asked = {name: value for name, value in asked.items() if name not in ("known_at", "effective_at")}
        asked["cursor"] = cursor
    return reading(call).list(call.operation.target.kind, asked)


async def flowing(call: Call, texts: dict[str, Any], first: Listing, form: str) -> AsyncIterator[bytes]:
    """The bytes of a file: a page of the list, and the next one."""
    columns = KINDS[call.operation.target.kind].of.__struct_fields__
    listing, header = first, True
    while True:
        yield await call.read(written, listing, columns, form, header)
        if not listing.next or call.service.stopped.is_set():
            return
        header = False
        listing = await call.read(page_of, call, texts, listing.next)
        await asyncio.sleep(0)


def written(listing: Listing, columns: tuple[str, ...], form: str, header: bool) -> bytes:
    """The lines of a page."""
    rows = [msgspec.structs.asdict(row) for row in listing.records]
    if form == "jsonl":
        return b"".join(json_line(row, columns) for row in rows)
    lines = list(csv_lines(rows, columns))
    return "".join(lines if header else lines[1:]).encode()
