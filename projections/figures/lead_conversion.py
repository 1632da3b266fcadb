"""Lead conversion: of the leads that were captured, how many became opportunities."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import func, select

from projections.query.metric import Key, Metric, Origin, Part, Query
from projections.query.selection import group, grouping, origin_columns, standing, within
from projections.query.tables import LEADS
from projections.query.units import Share
from projections.rows.leads import PROJECTION

DIMENSIONS = ("owner", "team", "source")
"""What leads can be filtered and grouped by; they have no pipeline, no product and no currency."""


class LeadRow(Struct, frozen=True):
    """The leads captured, those of them that were converted, disqualified or neither, and the share converted."""

    captured: int
    converted: int
    disqualified: int
    still_open: int
    conversion: Share | None


class Became(NamedTuple):
    """Leads, and what became of them."""

    captured: int = 0
    converted: int = 0
    disqualified: int = 0
    still_open: int = 0


def lead_conversion(asked: Query) -> Iterator[Part]:
    """Lead to opportunity, by cohort: of the leads captured in the period, the share converted by the moment.

    A lead counts once, by when it was first captured, and as it stood at the moment: one that was disqualified and
    reopened is open. One that was merged counts as its survivor alone. A team's leads are those of who is in it then.
    Unit: leads; conversion a share from 0 to 1, null where none was captured.
    Source: the states of the leads at (known_at, effective_at).
    """
    own = grouping(asked, LEADS)
    keys = [*own, LEADS.c.status, *(origin_columns(LEADS) if asked.apart else ())]
    query = select(*keys, func.count()).where(
        standing(LEADS, asked), LEADS.c.status != "merged", *within(LEADS.c.captured_at, asked.question)
    )
    teams = asked.references.team_at(asked.question.effective_at)
    for row in asked.select(query.group_by(*keys)):
        status, leads = row[len(own)], row[-1]
        match status:
            case "converted":
                became = Became(leads, converted=leads)
            case "disqualified":
                became = Became(leads, disqualified=leads)
            case _:
                became = Became(leads, still_open=leads)
        origin = Origin(*row[-4:-1]) if asked.apart else None
        yield Part(group(asked, row[: len(own)], teams), (), became, leads, origin)


def records(asked: Query, measures: Mapping[Key, Sequence[Became]]) -> Iterator[tuple[Key, LeadRow]]:
    """One row, also where nobody was captured."""
    sums = (sum(each) for each in zip(Became(), *measures.get((), ()), strict=True))
    captured, converted, disqualified, still_open = sums
    conversion = converted / captured if captured else None
    yield (), LeadRow(captured, converted, disqualified, still_open, conversion)


METRICS = (Metric("lead-conversion", 1, lead_conversion, records, PROJECTION, period="taken", dimensions=DIMENSIONS),)
