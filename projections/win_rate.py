"""The win rate: what share of the decided deals was won."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct
from sqlalchemy import func, or_, select

from domain.money import from_minor_units
from projections.deals import standing, status_is, total, whole, within
from projections.opportunities import TABLE
from projections.question import Question, Reading

MODES = ("closed", "cohort")


class WinRateRow(Struct, frozen=True):
    """The deals of one currency: how many were won and lost, for how much, how many are open, and the two rates."""

    currency: str
    won: int
    lost: int
    still_open: int
    won_amount: Decimal
    lost_amount: Decimal
    by_count: float | None
    by_amount: float | None


def win_rate(question: Question) -> Reading:
    """Won over (won + lost), by count and by amount, per currency, at a moment.

    Mode closed: the deals that were closed in the period; one that was reopened and closed again counts once, by
    its last closing. Mode cohort: the deals that were opened in the period; `still_open` says how many of them are
    not decided. One that was merged or deleted is in neither. Open deals are never in a rate; in mode closed there
    are none. The amount of a lost deal is its last known amount. Unit: a share from 0 to 1, null where nothing was won
    or lost. Source: the states of the opportunities at (known_at, effective_at).
    """
    o = TABLE.c
    won, lost = status_is(TABLE, "won"), status_is(TABLE, "lost")
    if question.mode == "cohort":
        chosen = [or_(status_is(TABLE, "open"), won, lost), *within(o.opened_at, question)]
    else:
        chosen = [or_(won, lost), *within(o.visit_from, question)]
    asked = select(o.currency, o.status, func.count(), *total(o.amount))
    return Reading((asked.where(standing(TABLE, question), *chosen).group_by(o.currency, o.status),), _records)


def _records(rows: Iterable[Sequence[Any]]) -> list[WinRateRow]:
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for currency, status, deals, high, low in rows:
        found.setdefault(currency, {})[status] = deals, whole(high, low)
    return [_record(currency, by_status) for currency, by_status in sorted(found.items())]


def _record(currency: str, by_status: dict[str, tuple[int, int]]) -> WinRateRow:
    won, won_amount = by_status.get("won", (0, 0))
    lost, lost_amount = by_status.get("lost", (0, 0))
    return WinRateRow(
        currency, won, lost, by_status.get("open", (0, 0))[0],
        from_minor_units(won_amount, currency), from_minor_units(lost_amount, currency),
        share(won, won + lost), share(won_amount, won_amount + lost_amount),
    )  # fmt: skip


def share(part: int, of: int) -> float | None:
    """A part of a whole, None of nothing."""
    return part / of if of else None
