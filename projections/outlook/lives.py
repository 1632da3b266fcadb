"""The lives of deals as they could be known at the end of one day: all that a forecast is made of.

A struct of arrays: one array a field, of one length for the whole struct. Days are whole numbers since 1970-01-01 in
the zone of whoever asks; money is int64 minor units of the one target currency, converted before. A code is a place in
a tuple of `Labels`, NONE where there is nothing. Of what changed within a day only how it stood at its end counts.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.signedinteger[Any]]
"""Days, codes and counts of 32 bits, which no sum or product of two of them leaves; money of 64."""
Numbers = npt.NDArray[Any]
"""Whole numbers, of as few bytes as hold them."""
Keys = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NONE = -1
"""A code or a day that there is not: no category, no close date, no contact."""
NEVER = 2**30
"""A day that was not known at the cut."""
OPEN, WON, LOST, GONE = 0, 1, 2, 3
"""How a deal stands: GONE was merged or deleted, whatever it was before."""
TO_WON, TO_LOST, CENSORED = -1, -2, -3
"""How a visit ended where not in another stage. CENSORED: it goes on, in another row of visits or beyond the cut, or
the deal was merged or deleted: the deal was at risk until that day, and what became of it is not known."""

LEVELS = ("pipeline", "team", "owner", "product", "source")
"""The levels at which a forecast is given beside the total: each is a field of `Deals` and of `Labels`."""


class Visits(NamedTuple):
    """Stretches of deals in one open stage, parted where anything else here changed. Shape of each array: (visits,).

    deal: the row of `Deals`. stage: a code of `Labels.stages`. entered: the day at whose end the deal was first in the
    stage, from which its age counts: it can leave on the day after at the earliest. since: from the end of which day
    this row holds, >= entered. left: the day on which it ended, > since, NEVER where it did not by the cut. exit: the
    code of the next stage, or TO_WON, TO_LOST, CENSORED.

    As they stood from `since` on, where there are any, else NONE: category (a code), due (the expected day of closing),
    contact (the day of the last activity with the customer). pushes: how often the close date was moved to a later
    month. A deal that was opened and closed on one day has no visit.
    """

    deal: Ints
    stage: Ints
    entered: Ints
    since: Ints
    left: Ints
    exit: Ints
    category: Ints
    due: Ints
    contact: Ints
    pushes: Ints


class Deals(NamedTuple):
    """Deals that were opened by the cut. Shape of each array: (deals,).

    key: 64 bits that are the deal's for ever (of a digest of its stream's name), from which its draws come.
    opened: the day. closed: the day of the win or loss, or on which it was merged or deleted;
    NEVER while open. status: OPEN, WON, LOST or GONE. stage, entered: where an open deal is and since when, NONE else.
    amount_first: when it was opened; amount_open: the last while it was open; amount: as it stands, so for a won deal
    what was booked; 0 where none is known. pipeline, team, owner, product, source: codes; of a closed deal those of the
    day of closing. category, due, contact, pushes: as of visits, at the cut.
    """

    key: Keys
    opened: Ints
    closed: Ints
    status: Ints
    stage: Ints
    entered: Ints
    amount_first: Ints
    amount_open: Ints
    amount: Ints
    pipeline: Ints
    team: Ints
    owner: Ints
    product: Ints
    source: Ints
    category: Ints
    due: Ints
    contact: Ints
    pushes: Ints


class Labels(NamedTuple):
    """What codes mean, each tuple in the order of its texts, so that nothing depends on what was read first.

    stages: (pipeline, stage). chances: of each stage, in basis points, as the process says, NONE where it does not.
    """

    stages: tuple[tuple[str, str], ...]
    chances: tuple[int, ...]
    pipeline: tuple[str, ...]
    team: tuple[str, ...]
    owner: tuple[str, ...]
    product: tuple[str, ...]
    source: tuple[str, ...]
    category: tuple[str, ...]


class Lives(NamedTuple):
    """Everything available at the end of day `cut`, and nothing else: no row, label or later ending of what came after.

    start: the first day of which the log tells everything. What was open before is at risk from then on only (delayed
    entry): it outlived what the log does not tell.
    """

    cut: int
    start: int
    currency: str
    visits: Visits
    deals: Deals
    labels: Labels


def some_visits(visits: Visits, where: Flags | Ints) -> Visits:
    """Some rows of visits."""
    return Visits(*(array[where] for array in visits))


def some_deals(deals: Deals, where: Flags | Ints) -> Deals:
    """Some rows of deals."""
    key, *rest = deals
    columns: list[Ints] = [array[where] for array in rest]
    return Deals(key[where], *columns)
