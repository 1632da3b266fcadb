"""Leads by their capture: those that were merged are one, captured when the first of them was."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import literal_column, select

from projections.query.attribution import Group
from projections.query.metric import Origin, Query
from projections.query.question import MOMENT
from projections.query.selection import Attribution, at_moment, origin_columns, within
from projections.query.tables import LEADS, known

DIMENSIONS = ("owner", "team", "source")
"""What leads can be filtered and grouped by; they have no pipeline, no product and no currency."""
CAPTURES = LEADS.alias("captures")
"""The leads once more: the facts that captured them."""


class Captured(NamedTuple):
    """A lead as it stands, for whom it counts; the columns mean what they mean in `leads.Lead`.

    contacted_at: the first contact with any of those merged into one. source: that of the first of them. period: in
    which of the question's it was captured.
    """

    stream: str
    status: str
    captured_at: int
    contacted_at: int
    qualified_at: int
    opportunity: str
    reason: str
    status_from: int
    source: str
    group: Group
    period: int
    origin: Origin | None


def captured(asked: Query) -> Iterator[Captured]:
    """The leads that were captured in the question's period, as they stand at its moment."""
    question, c = asked.question, CAPTURES.c
    whose = Attribution(asked, CAPTURES, c.captured_at, checked=True)
    if question.attribute == MOMENT:
        whose = Attribution(asked, LEADS, checked=True)
    first = [c.stream == LEADS.c.stream, c.captures == literal_column("1"), known(CAPTURES, question.known_at)]
    columns = [LEADS.c[name] for name in COLUMNS]
    query = select(*columns, *origin_columns(LEADS), *whose.columns).where(at_moment(LEADS, asked))
    query = query.where(*first) if whose.rows is CAPTURES and whose.needed else query
    survivors = merged(asked)
    if not survivors:  # then each is by itself, and those of other times need not be looked at
        query = query.where(*within(LEADS.c.captured_at, question))
    together: dict[str, list[Sequence[Any]]] = {}
    for row in asked.select(query):
        together.setdefault(root(row[0], survivors), []).append(row)
    for stream, rows in together.items():
        stands = next((row for row in rows if row[0] == stream), None)
        if stands is None or stands[1] == "merged":
            continue  # into one that nobody knows
        earliest = min(rows, key=lambda row: (row[2], row[0]))
        if (period := place(asked, earliest[2])) is None:
            continue
        contact = min((row[3] for row in rows if row[3]), default=0)
        origin = Origin(*stands[OWN:OF]) if asked.apart else None
        for group, _ in whose.divided(earliest[OF:]):
            yield Captured(
                stream, stands[1], earliest[2], contact, stands[4], stands[5], stands[6], stands[7], earliest[8],
                group, period, origin,
            )  # fmt: skip


COLUMNS = (
    "stream", "status", "captured_at", "contacted_at", "qualified_at", "opportunity", "reason", "status_from", "source"
)  # fmt: skip
OWN, OF = len(COLUMNS), len(COLUMNS) + len(Origin._fields)
"""Where in a row stands what names it, and where to whom it counts."""


def merged(asked: Query) -> Mapping[str, str]:
    """Each merged lead to the one that it was merged into."""
    query = select(LEADS.c.stream, LEADS.c.survivor).where(at_moment(LEADS, asked), LEADS.c.survivor != "")
    return dict(asked.select(query))  # type: ignore[arg-type]


def root(stream: str, survivors: Mapping[str, str]) -> str:
    """The lead that survives all merges; of leads that survive one another, as no rule allows, the first by name."""
    seen = [stream]
    while (survivor := survivors.get(seen[-1])) is not None:
        if survivor in seen:
            return min(seen[seen.index(survivor) :])
        seen.append(survivor)
    return seen[-1]


def place(asked: Query, moment: int) -> int | None:
    """The number of the period in which an instant lies, None in none."""
    for number, period in enumerate(asked.periods):
        if (period.since is None or moment >= period.since) and (period.until is None or moment < period.until):
            return number
    return None
