"""Opportunities as records: what a deal is worth, whose it is, where it stands, and what is due on it."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Text, literal_column, select

from domain import kind, opportunity
from domain.recorded import Fact
from projections.query.metric import Query
from projections.query.selection import status_is
from projections.query.tables import OPPORTUNITIES, effective, known
from projections.records import pages
from projections.records.following import folded
from projections.records.kind import ANY, CALLER, Histories, Key, Kind, Row, Totals, Wanted
from projections.records.opportunities.filters import FILTERS, SORTS, STATUSES
from projections.records.opportunities.record import READ, OpportunityRecord, record, records
from projections.records.pages import Branch, Condition, columns_in
from projections.rows.opportunities import LISTED, NOW, STANDING

COUNTED = ("open", "won", "lost")
o = OPPORTUNITIES.c


def statuses(wanted: Wanted) -> Sequence[str]:
    """The statuses that are asked for; any is all that count, without the merged and deleted."""
    values = wanted.filters.get("status", ())
    return [name for name in STATUSES if name in values or (ANY in values and name in COUNTED)]


def branches(asked: Query, wanted: Wanted, read: Sequence[ColumnElement[Any]], sort: str = "") -> Iterator[Branch]:
    """The parts of the deals at a moment. read: what their conditions and keys read. sort: by which they come."""
    of = statuses(wanted)
    names = columns_in(read)
    now, changed, over = pages.at_moment(OPPORTUNITIES, asked)
    if "open" in of:
        covered = sort != "close_date" and not changed and names <= {*NOW}
        still = status_is(OPPORTUNITIES, "open")
        by = "opportunities_now" if covered else "opportunities_dated"
        # filtered by what the index holds, the rows of a page alone are looked up: PostgreSQL would look up all of them
        filtered = wanted.filters.keys() > {"status"} and names <= {*LISTED}
        yield Branch((still, *now), by, sort not in ("", "close_date") or filtered)
        if changed:
            yield Branch((still, *changed), "opportunities_k")
        if over:
            yield Branch((still, *over), "opportunities_e")
    if others := [name for name in of if name != "open"]:
        closed, shut = status_is(OPPORTUNITIES, *others), o.status != literal_column("'open'", Text())
        covered = sort == "closed_at" or names <= {*STANDING}
        by = "opportunities_shut" if sort == "close_date" else "opportunities_standing" if covered else ""
        yield Branch((closed, shut, *now), by, sort not in ("", "closed_at", "close_date"))
        if changed:
            yield Branch((closed, shut, *changed), "opportunities_then")
        if over:
            yield Branch((closed, shut, *over), "opportunities_over")


def conditions(asked: Query, wanted: Wanted) -> list[Condition]:
    """What must be so of the rows, their status aside."""
    where = [KIND.filters[name].condition(asked, of) for name, of in wanted.filters.items() if name != "status"]
    return where + pages.owned_now(OPPORTUNITIES, asked, wanted)


def page(asked: Query, wanted: Wanted, _: Histories) -> Iterator[tuple[Key, Row]]:
    """A page of the deals at a moment."""
    where, keys = conditions(asked, wanted), SORTS[wanted.sort](asked)
    parts = branches(asked, wanted, [*where, *keys], wanted.sort)
    columns = [o[name] for name in READ]
    return pages.page(
        asked, OPPORTUNITIES, parts, where, keys, columns, wanted.descending, wanted.after, wanted.limit + 1
    )


def totals(asked: Query, wanted: Wanted, _: Histories) -> Totals:
    """How many deals match, and what they are worth."""
    where = conditions(asked, wanted)
    return pages.worth(asked, OPPORTUNITIES, branches(asked, wanted, where), where)


def deals_of(asked: Query, subjects: Sequence[str]) -> Sequence[str]:
    """The deals whose texts may be sealed for some people: those with their own contacts, and those of some leads."""
    of_leads = select(o.stream).where(
        o.lead != literal_column("''", Text()), known(OPPORTUNITIES), effective(OPPORTUNITIES)
    )
    by = Branch((), "opportunities_lead")
    found = asked.select(pages.hinted(of_leads.where(o.lead.in_(subjects)), OPPORTUNITIES, by))
    return [*(subject for subject in subjects if kind(subject) == "opportunity"), *(stream for (stream,) in found)]


def name_of(facts: Sequence[Fact], moment: int) -> str:
    """What a deal is called at an instant; empty before its opening."""
    state = folded(opportunity.evolve, facts, moment)
    return state.deal.terms.name if state else ""


VIEWS = {
    "mine": {"owner": CALLER},
    "due": {"due_until": "this-week"},
    "closing": {"closes_since": "this-month", "closes_until": "this-month"},
    "overdue": {"closes_until": "yesterday"},
    "stale": {"stale": "yes"},
}
KIND = Kind(
    "opportunity", "opportunities", "deals, from their opening on", OpportunityRecord,
    ("stream", "account", "stage", "amount", "currency", "close_date", "owner"),
    FILTERS, SORTS, "close_date", page, totals, records, record, {"status": "open"}, VIEWS, converts=True,
    candidates=deals_of, name_of=name_of,
)  # fmt: skip
