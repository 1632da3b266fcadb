"""Lead conversion: of the leads that were captured, how many became opportunities."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from projections.figures.captures import DIMENSIONS, captured
from projections.query.metric import Key, Metric, Part, Query
from projections.query.units import Share
from projections.rows.leads import PROJECTION


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
    reopened is open. Those that were merged are one lead, captured when and by what source the first of them was, and
    as the survivor stands. A lead counts for who owned it when it was captured.
    Unit: leads; conversion a share from 0 to 1, null where none was captured.
    Source: the states of the leads at (known_at, effective_at), and their captures.
    """
    for lead in captured(asked):
        became = Became(
            1, int(lead.status == "converted"), int(lead.status == "disqualified"),
            int(lead.status not in ("converted", "disqualified")),
        )  # fmt: skip
        yield Part(lead.group, (), became, 1, lead.origin, period=lead.period)


def records(asked: Query, measures: Mapping[Key, Sequence[Became]]) -> Iterator[tuple[Key, LeadRow]]:
    """One row, also where nobody was captured."""
    sums = (sum(each) for each in zip(Became(), *measures.get((), ()), strict=True))
    captured, converted, disqualified, still_open = sums
    conversion = converted / captured if captured else None
    yield (), LeadRow(captured, converted, disqualified, still_open, conversion)


METRICS = (
    Metric(
        "lead-conversion", 2, lead_conversion, records, PROJECTION, period="taken", dimensions=DIMENSIONS,
        at_once=True, none=Became(),
    ),
)  # fmt: skip
