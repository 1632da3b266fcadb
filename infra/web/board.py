"""The board: the stages of a pipeline, each with all of its deals added up, and the first of them as cards."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from domain.errors import Malformed, NotFound, PipelineError
from domain.money import Money
from domain.opportunity.progress import ChangeStage
from domain.recorded import Request, instant
from infra.application.seen import Overtaken
from infra.web.forms import STATUS
from infra.web.lines import words
from infra.web.lists import moved_on
from infra.web.moment import moment_of
from infra.web.names import process_of, published_name
from infra.web.page import Cell, Column, Page, Reply, Table, Visit, json_reply, see_other, whole
from infra.web.saved_views import bar

CARDS = 50  # of a column at once
FILTERS = ("owner", "team", "product", "source", "currency", "convert_to")
SAVED = ("pipeline", *FILTERS)
"""What of its query a saved view keeps."""
STANDARD = "process-standard"
LARGEST = 500  # deals moved at once


class Card(NamedTuple):
    """A deal. seen: the version that the card shows. next: what comes next, empty for nothing; due: when."""

    id: str
    seen: int
    stage: str
    title: str
    amount: str
    owner: str
    days: str
    stale: bool
    next: str
    due: str = ""
    overdue: bool = False


class Lane(NamedTuple):
    """A stage: what all of its deals come to, and the first of them. more: the address of those that follow."""

    process: str
    stage: str
    name: str
    deals: str
    amount: str
    weighted: str
    cards: Sequence[Card] = ()
    more: str = ""


def board(visit: Visit) -> Page | Reply:
    """The open deals of one pipeline by stage, at a moment."""
    filters = visit.with_team({name: visit.one(name) for name in FILTERS if visit.one(name)})
    heads = visit.ask("weighted", {**filters, **visit.moment()})
    pipelines = pipelines_of(visit, heads.records)
    pipeline = visit.one("pipeline") or (pipelines[0][0] if pipelines else "")
    lanes = [
        lane(pipeline, stage, name, [row for row in heads.records if (row.process, row.stage) == (pipeline, stage)])
        for stage, name in stages_of(visit, pipeline)
    ]
    if visit.one("part") == "heads":
        return json_reply([[each.stage, each.deals, each.amount, each.weighted] for each in lanes])
    lanes = [with_cards(visit, filters, each) for each in lanes]
    parts = {
        "lanes": lanes,
        "pipelines": pipelines,
        "pipeline": pipeline,
        "moment": moment_of(visit),
        "filters": filters,
        "position": heads.known_at,
        "moved": visit.one("moved"),
        "instant": instant(heads.effective_at),
        "saved": bar(visit, SAVED),
    }
    return Page("board.html", "Board", parts, [table_of(lanes)])


def pipelines_of(visit: Visit, rows: Sequence[Any]) -> list[tuple[str, str]]:
    """The processes with open deals first, the largest number first, then the others; with their names."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.process] = counts.get(row.process, 0) + row.deals
    found = {name: published_name(visit, name) for name in counts} or {STANDARD: published_name(visit, STANDARD)}
    ordered = sorted(found, key=lambda name: (-counts.get(name, 0), name))
    return [(name, found[name]) for name in ordered]


def stages_of(visit: Visit, pipeline: str) -> list[tuple[str, str]]:
    """The open stages of a pipeline in their order, with their names."""
    if not pipeline:
        return []

    process = process_of(visit, pipeline)
    if process is None:
        return []
    version = process.version(process.newest)
    return [(stage.id, process.names.get(stage.id, stage.name)) for stage in version.open_stages]


def lane(pipeline: str, stage: str, name: str, rows: Sequence[Any]) -> Lane:
    """A stage with its sums, which are the metric's."""
    amounts = [f"{short(row.amount, row.currency)}" for row in rows]
    weighted = [f"{short(row.weighted, row.currency)}" for row in rows if row.weighted is not None]
    deals = sum(row.deals for row in rows)
    return Lane(pipeline, stage, name, f"{deals:,}", " + ".join(amounts), " + ".join(weighted))


def with_cards(visit: Visit, filters: Mapping[str, str], of: Lane) -> Lane:
    """A stage with its first cards."""
    cards, cursor = cards_of(visit, filters, of.process, of.stage, visit.one(f"cursor-{of.stage}"))
    following = {**filters, "pipeline": of.process, "stage": of.stage, "cursor": cursor}
    return of._replace(cards=cards, more=visit.link("/board/cards", **following) if cursor else "")


def cards_of(
    visit: Visit, filters: Mapping[str, str], pipeline: str, stage: str, cursor: str
) -> tuple[list[Card], str]:
    """Cards of a stage, the largest deals first, and where they go on; empty where they end."""
    wanted = {name: value for name, value in filters.items() if name != "convert_to"}
    asked = {
        **wanted,
        **visit.moment(),
        "status": "open",
        "pipeline": pipeline,
        "stage": stage,
        "sort": "-amount",
        "limit": str(CARDS),
        "totals": "no",
    }
    listing = visit.list("opportunity", moved_on(asked | ({"cursor": cursor} if cursor else {})))
    day = instant(listing.effective_at).astimezone(visit.app.zone()).date()
    return [card(record, day) for record in listing.records], listing.next


def card(record: Any, today: date) -> Card:
    """A deal as its card shows it on a day."""
    days = record.days_in_stage
    return Card(
        record.stream,
        record.version,
        record.stage,
        record.name or record.account or record.stream,
        amount_of(record),
        record.owner,
        "" if days is None else f"{int(days):,}",
        record.stale,
        *next_of(record, today),
    )


def amount_of(record: Any) -> str:
    """What a deal is worth, without the decimal places of a whole amount."""
    if record.amount == record.amount.to_integral_value():
        return short(record.amount, record.currency)
    return str(Money(record.amount, record.currency))


def next_of(record: Any, today: date) -> tuple[str, str, bool]:
    """What comes next of a deal, the day when, and whether that has passed; empty texts for nothing."""
    due = min((day for day in (record.next_step_due, record.activity_due) if day), default=None)
    text = record.next_step or ("Activity" if record.activity_due else "Next step" if due else "")
    return text, "" if due is None else str(due), due is not None and due < today


def short(amount: Decimal, currency: str) -> str:
    """A sum as a head shows it: whole units."""
    return f"{amount:,.0f} {currency}"


def there(visit: Visit, ids: Sequence[str]) -> Iterator[Any]:
    """The deals of some that are there, and theirs to see; the others are left out."""
    for each in ids:
        with suppress(NotFound):
            yield visit.record("opportunity", each)


def cards(visit: Visit) -> Page | Reply:
    """The next cards of a column, as a part of a page or as a page of its own; or some deals by their ids."""
    filters = {name: visit.one(name) for name in FILTERS if visit.one(name)}
    pipeline, stage = visit.one("pipeline"), visit.one("stage")
    if ids := visit.query.get("id", ()):
        found = [card(each, visit.app.today().day) for each in there(visit, ids[:CARDS])]
        more = ""
    else:
        found, cursor = cards_of(visit, filters, pipeline, stage, visit.one("cursor"))
        more = visit.link("/board/cards", **filters, pipeline=pipeline, stage=stage, cursor=cursor) if cursor else ""
    parts = {"cards": found, "more": more, "stage": stage, "pipeline": pipeline}
    columns = (
        Column("id", "Deal"),
        Column("stage", "Stage"),
        Column("amount", "Amount", True),
        Column("owner", "Owner"),
    )
    rows = [[Cell(each.id), Cell(each.stage), Cell(each.amount), Cell(each.owner)] for each in found]
    template = "cards.html" if visit.one("part") else "cards_page.html"
    return Page(template, f"Deals in {stage}", parts, [Table("cards", columns, rows)])


def move(visit: Visit) -> Page | Reply:
    """Move one deal or several to a stage: what was refused is said, deal by deal."""
    to, chosen = visit.form.get("to", [""])[0], visit.form.get("chosen", ())
    if not to or not chosen:
        raise Malformed("to: say which stage" if chosen else "chosen: choose at least one deal")
    if len(chosen) > LARGEST:
        raise Malformed(f"chosen: at most {LARGEST} deals at once, not {len(chosen)}")
    outcomes = [moved(visit, each, to) for each in chosen]
    failed = [each for each in outcomes if each["problem"]]
    if visit.wants == "json":
        return json_reply(outcomes, failed[0]["status"] if len(outcomes) == 1 and failed else 200)
    if not failed:
        back = visit.form.get("back", ["/board"])[0]
        count = len(outcomes)
        target = back if back.startswith("/board") and back.isascii() and back.isprintable() else "/board"
        joined = "&" if "?" in target else "?"
        return see_other(f"{target}{joined}moved={count}")
    columns = (Column("id", "Deal"), Column("outcome", "What became of it"), Column("by", "Meanwhile"))
    rows = [
        [
            Cell(each["id"], link=f"/opportunities/{each['id']}"),
            Cell(each["problem"] or "moved", tone="" if each["problem"] else "good"),
            Cell("; ".join(f"{fact['actor']}: {fact['title']}" for fact in each["facts"])),
        ]
        for each in outcomes
    ]
    parts = {"failed": len(failed), "moved": len(outcomes) - len(failed), "to": to}
    return Page("moved.html", "What became of the move", parts, [Table("outcomes", columns, rows)], 409)


def moved(visit: Visit, chosen: str, to: str) -> dict[str, Any]:
    """One deal moved, or why it was not, and who came first."""
    stream, _, seen = chosen.rpartition(":")
    request = Request(stream=stream, command=ChangeStage(to), actor=visit.actor)
    result: dict[str, Any] = {"id": stream, "stage": to, "problem": "", "status": 200, "facts": [], "seen": 0}
    try:
        if seen == "any":
            receipt = visit.carry_out(request, "opportunity", None)
        elif (version := whole(seen)) is not None:
            receipt = visit.carry_out(request, "opportunity", version)
        else:
            raise Malformed(f"chosen: {chosen[:200]!r} is not a deal with the version that was seen")
    except PipelineError as error:
        facts = error.facts if isinstance(error, Overtaken) else []
        result |= {
            "problem": str(error),
            "status": STATUS.get(type(error).__name__, 500),
            "facts": [
                {
                    "title": words(str(fact.event.__struct_config__.tag)),
                    "actor": fact.actor,
                    "occurred_at": msgspec.to_builtins(fact.occurred_at),
                }
                for fact in facts
            ],
        }
    else:
        result["seen"] = max((version for name, version in receipt.facts if name == stream), default=whole(seen) or 0)
    return result


def table_of(lanes: Sequence[Lane]) -> Table:
    """The heads of the columns as data."""
    columns = (
        Column("stage", "Stage"),
        Column("name", "Name"),
        Column("deals", "Deals", True),
        Column("amount", "Amount", True),
        Column("weighted", "Weighted", True),
    )
    rows = [
        [Cell(each.stage), Cell(each.name), Cell(each.deals), Cell(each.amount), Cell(each.weighted)] for each in lanes
    ]
    return Table("stages", columns, rows)
