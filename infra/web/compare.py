"""Two moments beside one another: which deals are not what they were, and the waterfall from one to the other."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from domain.money import Money
from infra.application.answers import digits
from infra.application.comparison import AXES, FORMS
from infra.web.figures import behind_page, picture_of
from infra.web.lines import words
from infra.web.names import called, deals_of, stage_names
from infra.web.page import Cell, Column, Page, Reply, Table, Visit, address, json_reply

SHOWN = 200  # deals of a comparison on one page
FILTERS = ("owner", "team", "pipeline", "convert_to", "product", "source", "currency")
OTHER_AXIS = {"effective": "known_at", "known": "effective_at"}
"""The moment that both ends of a comparison have in common, by the axis on which they differ."""


def compare(visit: Visit) -> Page | Reply:
    """What is different between two moments; by default between the beginning of this month and now."""
    first, second, axis, form, texts = question_of(visit)
    found = visit.reading.compare(first, second, axis, form, texts)
    kind = visit.one("kind")
    if kind:
        found["differences"] = [each for each in found["differences"] if kind in each["kinds"]]
    if visit.one("format") == "json":
        return json_reply(found)
    links = behind_links(visit, found, axis, form) if visit.reads("opportunity") else []
    steps = [{**row, **({"href": links[number]} if links else {})} for number, row in enumerate(found["waterfall"])]
    parts = {
        "first": first,
        "second": second,
        "axis": axis,
        "form": form,
        "kind": kind,
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
    return Page("compare.html", "Compare", parts, [deals(visit, found["differences"]), waterfall(steps)])


def question_of(visit: Visit) -> tuple[str, str, str, str, dict[str, Any]]:
    """The two moments, the axis, the form of the waterfall and the filters that an address asks for."""
    axis = visit.one("axis") or AXES[0]
    texts = {name: visit.one(name) for name in (*FILTERS, OTHER_AXIS.get(axis, "")) if visit.one(name)}
    first, second = visit.one("first") or "this-month", visit.one("second") or "now"
    return first, second, axis, visit.one("form") or FORMS[0], visit.with_team(texts)


def behind(visit: Visit) -> Page | Reply:
    """The rows and events behind one step from the first moment to the second, or behind all of them."""
    found = visit.reading.behind_comparison(*question_of(visit))
    here = {name: list(values) for name, values in visit.query.items() if name not in ("row", "format")}
    return behind_page(visit, "waterfall", found, address("/compare", here))


def behind_links(visit: Visit, found: Mapping[str, Any], axis: str, form: str) -> list[str]:
    """The address of what is behind each step, at the two moments that were found."""
    own, other = ("effective_at", "known_at") if axis == AXES[0] else ("known_at", "effective_at")
    here = {name: visit.one(name) for name in FILTERS} | {"axis": axis, "form": form}
    at = {"first": exact(found["from"][own]), "second": exact(found["to"][own]), other: exact(found["to"][other])}
    return [address("/compare/behind", {**here, **at, "row": number}) for number in range(len(found["waterfall"]))]


def exact(moment: Any) -> str:
    """A position, or an instant, as an address has it."""
    return str(moment).replace(" ", "T").replace("+00:00", "Z")


def waterfall(steps: Sequence[Mapping[str, Any]]) -> Table:
    """The steps from the first moment to the second; each leads to what is behind it."""
    columns = [Column("currency", "Currency"), Column("bucket", "Bucket")]
    columns += [Column("deals", "Deals", True), Column("amount", "Amount", True)]
    columns += [Column("behind", "Behind")] if any("href" in each for each in steps) else []
    found = [
        [
            Cell(each["currency"]),
            Cell(words(each["bucket"]), each["bucket"]),
            Cell(f"{each['deals']:,}", each["deals"]),
            Cell(digits(Decimal(each["amount"]), each["currency"]), each["amount"]),
            *([Cell("Events", number, each["href"])] if "href" in each else []),
        ]
        for number, each in enumerate(steps)
    ]
    return Table("waterfall", columns, found, "Waterfall")


def deals(visit: Visit, differences: list[dict[str, Any]]) -> Table:
    """The deals that are not what they were."""
    columns = (Column("stream", "Deal"), Column("kinds", "How"), Column("changes", "What"))
    shown = differences[:SHOWN]
    known = deals_of(visit, [each["stream"] for each in shown])
    stages = {process: stage_names(visit, process) for process in {deal.progress.process for deal in known.values()}}
    found = list[list[Cell]]()
    for each in shown:
        stream, deal = each["stream"], known.get(each["stream"])
        names = stages[deal.progress.process] if deal else {}
        changed = "; ".join(
            f"{change['field'].replace('_', ' ')} {side(change, 'from', names)} → {side(change, 'to', names)}"
            for change in each["changes"]
        )
        link = visit.link(f"/opportunities/{stream}")
        found.append(
            [
                Cell((called(deal) if deal else "") or stream, stream, link),
                Cell(", ".join(each["kinds"]), each["kinds"]),
                Cell(changed, each["changes"]),
            ]
        )
    more = f", the first {SHOWN} of {len(differences):,}" if len(differences) > SHOWN else ""
    return Table(
        "differences",
        columns,
        found,
        f"{len(differences):,} deals{more}",
        empty="Nothing is different between the two moments.",
    )


def side(change: Mapping[str, str], of: str, stages: Mapping[str, str]) -> str:
    """One side of a change in words: a stage by its name, an amount as people read it."""
    text = change[of]
    if change["field"] == "amount" and text:
        amount, _, currency = text.partition(" ")
        return str(Money(Decimal(amount), currency))
    return (stages.get(text, text) if change["field"] == "stage" else text) or "none"
