"""Lead response: how long leads wait for the first contact, those that still wait counted as far as they got."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from msgspec import Struct

from projections.figures.captures import DIMENSIONS, Captured, captured
from projections.figures.survival import HALF, quantile
from projections.query.metric import Key, Metric, Part, Query
from projections.query.units import Share, WholeMinutes
from projections.rows.leads import PROJECTION
from projections.versions import MINUTE

MOST = Fraction(9, 10)
OVER = ("disqualified", "converted")
"""The statuses in which a lead waits no more."""


class ResponseRow(Struct, frozen=True):
    """The leads captured, those of them contacted and not contacted yet, and by when half and nine in ten of them were.

    judged: those old enough to tell whether they were contacted within the time that was asked for; in_time: those of
    them that were; in_time_share: in_time / judged. All three are None where no time was asked for.
    """

    captured: int
    contacted: int
    never_contacted: int
    median_minutes: WholeMinutes | None
    p90_minutes: WholeMinutes | None
    judged: int | None
    in_time: int | None
    in_time_share: Share | None


class Waited(NamedTuple):
    """Leads, and how long they waited for the first contact, or wait or waited without one, in microseconds."""

    captured: int = 0
    contacted: int = 0
    never_contacted: int = 0
    judged: int = 0
    in_time: int = 0
    ended: tuple[int, ...] = ()
    going_on: tuple[int, ...] = ()

    def explained(self) -> dict[str, Any]:
        """With the minutes of one lead."""
        waited = sum(self.ended + self.going_on) / MINUTE
        return {**dict(zip(self._fields[:-2], self[:-2], strict=True)), "minutes": waited}


def lead_response(asked: Query) -> Iterator[Part]:
    """The time from capture to first contact of the leads captured in the period, as it is known by the moment.

    median_minutes, p90_minutes: by Kaplan and Meier, on whole minutes, so that leads which still wait are not mistaken
    for ones answered fast. One without a contact is censored at the moment, or where it was disqualified or converted
    before anybody spoke to it. With a time asked for (within), the share of leads contacted in that time, its end
    included, of those captured at least so long before the moment, whatever became of them; younger ones are not
    judged, contacted or not. Leads that were merged are one, captured when the first of them was and contacted when
    the first of them was. A lead counts for who owned it when it was captured.
    Unit: leads; whole minutes, null where half (or nine in ten) are never contacted; a share from 0 to 1, null of none.
    Source: the states of the leads at (known_at, effective_at), and their captures.
    """
    for lead in captured(asked):
        yield Part(lead.group, (), waited(asked, lead), 1, lead.origin, period=lead.period)


def waited(asked: Query, lead: Captured) -> Waited:
    """How long one lead waited."""
    within, contacted = asked.question.within, lead.contacted_at > 0
    end = lead.contacted_at or (lead.status_from if lead.status in OVER else asked.moment)
    took = max(end - lead.captured_at, 0)
    judged = within is not None and lead.captured_at + within <= asked.moment
    in_time = judged and contacted and within is not None and took <= within
    return Waited(
        1, int(contacted), int(not contacted), int(judged), int(in_time),
        (took,) if contacted else (), () if contacted else (took,),
    )  # fmt: skip


def records(asked: Query, measures: Mapping[Key, Sequence[Waited]]) -> Iterator[tuple[Key, ResponseRow]]:
    """One row, also where nobody was captured."""
    each = measures.get((), ())
    judged, in_time = sum(of.judged for of in each), sum(of.in_time for of in each)
    ended = Counter(took // MINUTE for of in each for took in of.ended)
    going_on = Counter(took // MINUTE for of in each for took in of.going_on)
    told = asked.question.within is not None
    yield (), ResponseRow(
        sum(of.captured for of in each), sum(of.contacted for of in each), sum(of.never_contacted for of in each),
        quantile(ended, going_on, HALF), quantile(ended, going_on, MOST),
        judged if told else None, in_time if told else None, in_time / judged if judged else None,
    )  # fmt: skip


METRICS = (
    Metric(
        "lead-response", 1, lead_response, records, PROJECTION, period="taken", dimensions=DIMENSIONS, within=True,
        at_once=True, none=Waited(),
    ),
)  # fmt: skip
