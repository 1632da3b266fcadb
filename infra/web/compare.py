"""Two moments beside one another: which deals are not what they were, and the waterfall from one to the other."""

from typing import Any

from infra.application.comparison import AXES, FORMS
from infra.web.figures import picture_of
from infra.web.lines import words
from infra.web.names import names_of
from infra.web.page import Cell, Column, Page, Reply, Table, Visit, json_reply

SHOWN = 200  # deals of a comparison on one page
FILTERS = ("owner", "team", "pipeline", "convert_to", "product", "source", "currency")


def compare(visit: Visit) -> Page | Reply:
    """What is different between two moments; by default between the beginning of this month and now."""
    first, second = visit.one("first") or "this-month", visit.one("second") or "now"
    axis, form = visit.one("axis") or AXES[0], visit.one("form") or FORMS[0]
    texts = visit.with_team({name: visit.one(name) for name in FILTERS if visit.one(name)})
    found = visit.reading.compare(first, second, axis, form, texts)
    if visit.one("format") == "json":
        return json_reply(found)
    steps = found["waterfall"]
    columns = [
        Column(name, words(name.replace("_", "-")), name in ("deals", "amount")) for name in (steps[0] if steps else ())
    ]
    waterfall = Table(
        "waterfall", columns, [[Cell(str(value), value) for value in row.values()] for row in steps], "Waterfall"
    )
    parts = {
        "first": first,
        "second": second,
        "axis": axis,
        "form": form,
        "axes": AXES,
        "forms": FORMS,
        "texts": texts,
        "counts": found["counts"],
        "from_": found["from"],
        "to": found["to"],
        "svg": picture_of("waterfall", steps),
        "left_out": found["left_out"],
        "hidden": found["hidden"],
    }
    return Page("compare.html", "Compare", parts, [deals(visit, found["differences"]), waterfall])


def deals(visit: Visit, differences: list[dict[str, Any]]) -> Table:
    """The deals that are not what they were."""
    columns = (Column("stream", "Deal"), Column("kinds", "How"), Column("changes", "What"))
    streams = [each["stream"] for each in differences[:SHOWN]]
    names = names_of(visit, streams)
    found = [
        [
            Cell(names.get(stream) or stream, stream, visit.link(f"/opportunities/{stream}")),
            Cell(", ".join(each["kinds"]), each["kinds"]),
            Cell(
                "; ".join(
                    f"{change['field'].replace('_', ' ')} {change['from'] or 'none'} → {change['to'] or 'none'}"
                    for change in each["changes"]
                ),
                each["changes"],
            ),
        ]
        for stream, each in zip(streams, differences, strict=False)
    ]
    more = f", the first {SHOWN} of {len(differences):,}" if len(differences) > SHOWN else ""
    return Table(
        "differences",
        columns,
        found,
        f"{len(differences):,} deals{more}",
        empty="Nothing is different between the two moments.",
    )
