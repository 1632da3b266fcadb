"""Loss reasons: why, to whom and from which stage deals were lost."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from domain.money import from_minor_units
from projections.figures.rounding import share
from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import Sum, at_moment, attributed, status_is, sums, within
from projections.query.stages import in_process_order, name_of
from projections.query.tables import OPPORTUNITIES
from projections.query.units import Amount, Share
from projections.rows.opportunities import PROJECTION

MODES = REASON, COMPETITOR, STAGE, TOGETHER = "reason", "competitor", "stage", "together"
WON = None
"""The key under which wins count, in the place of what a loss is told apart by."""
Cause = tuple[str | None, str | None, str | None, str | None]
"""(reason, competitor, process, stage), None for what the mode does not tell apart."""


class LossRow(Struct, frozen=True):
    """The deals lost in one currency for a reason, to a competitor or from a stage.

    What the mode does not tell apart is None; a reason or a competitor that nobody gave is empty, as is the name of a
    stage that no known version has. of_lost: their share of all deals lost. of_decided: of all deals won and lost.
    """

    reason: str | None
    competitor: str | None
    process: str | None
    stage: str | None
    name: str | None
    currency: str
    lost: int
    lost_amount: Amount
    of_lost: Share | None
    of_decided: Share | None


class Decided(NamedTuple):
    """Deals lost, what they are worth in minor units, and deals won."""

    lost: int = 0
    lost_amount: int = 0
    won: int = 0


def loss_reasons(asked: Query) -> Iterator[Part]:
    """The deals lost in the period, by reason, by competitor or by the stage in which they were lost.

    - reason: by the reason that was given.
    - competitor: by the competitor that was named, empty where none was.
    - stage: by the stage that the deal was in when it was lost.
    - together: by all three.
    The deals are those that are lost at the moment, by their last closing; one that was reopened, merged or deleted
    since is none. of_lost: the share of them, by count, of all that were lost. of_decided: their share of all that were
    won or lost in the period, so that these shares and the win rate come to 1.
    A competitor is named when a deal is lost, and never when it is won, so who else was after a won deal is not known,
    and there is no win rate against each of them: of_decided by competitor says how often a decision went to that
    one, and neither how often they were met nor how often they were beaten.
    Amounts are those last known of the deals, converted by the rate of the day on which they were lost; a deal without
    a rate counts without an amount and is named. A deal counts for the owner, the team and the pipeline of its closing.
    Unit: deals; units of the currency, exact; shares from 0 to 1 of the deals of that currency and group, null of none.
    Source: the states of the opportunities at (known_at, effective_at).
    """
    o = OPPORTUNITIES.c
    decided = [status_is(OPPORTUNITIES, "won", "lost"), at_moment(OPPORTUNITIES, asked)]
    closed = [*decided, *within(o.visit_from, asked.question)]
    whose = attributed(asked, OPPORTUNITIES, o.visit_from, OPPORTUNITIES)
    columns = o.status, o.reason, o.competitor, o.process, o.stage
    for each in sums(asked, OPPORTUNITIES, columns, closed, whose, o.visit_from, cut=o.visit_from):
        status, *cause = each.values
        if status == "won":
            yield part_of(each, WON, Decided(won=each.deals))
            continue
        yield part_of(each, cause_of(asked.question.mode, *cause), Decided(each.deals, each.amount or 0))
        if each.left_out:
            yield part_of(each, WON, Decided(), each.left_out + ": counted without an amount")


def cause_of(mode: str, reason: str, competitor: str, process: str, stage: str) -> Cause:
    """What a loss is told apart by in a mode."""
    by_stage = mode in (STAGE, TOGETHER)
    return (
        reason if mode in (REASON, TOGETHER) else None, competitor if mode in (COMPETITOR, TOGETHER) else None,
        process if by_stage else None, stage if by_stage else None,
    )  # fmt: skip


def part_of(each: Sum, cause: Cause | None, decided: Decided, left_out: str = "") -> Part:
    """What some deals add, or why they do not."""
    of = each.deals, each.origin, left_out
    return Part(each.group, (each.currency, cause), decided, *of, each.currency, each.period)


def records(asked: Query, measures: Mapping[Key, Sequence[Decided]]) -> Iterator[tuple[Key, LossRow]]:
    """A row a cause: the most frequent one of each currency first, of equals by their names."""
    order, found = in_process_order(asked.references.stages), dict[Key, Decided]()
    lost, won = dict[str, int](), dict[str, int]()
    for key, each in measures.items():
        of = found[key] = Decided(*(sum(column) for column in zip(*each, strict=True)))
        lost[key[0]], won[key[0]] = lost.get(key[0], 0) + of.lost, won.get(key[0], 0) + of.won
    causes = [key for key in found if key[1] is not WON]
    for key in sorted(causes, key=lambda key: (key[0], -found[key].lost, [each or "" for each in key[1]])):
        (currency, (reason, competitor, process, stage)), of = key, found[key]
        name = None if process is None or stage is None else name_of(order, process, stage)
        yield key, LossRow(
            reason, competitor, process, stage, name, currency, of.lost, from_minor_units(of.lost_amount, currency),
            share(of.lost, lost[currency]), share(of.lost, lost[currency] + won[currency]),
        )  # fmt: skip


METRICS = (Metric("loss-reasons", 1, loss_reasons, records, PROJECTION, MODES, "taken", at_once=True, none=Decided()),)
