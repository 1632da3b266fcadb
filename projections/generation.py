"""Pipeline generation: what deals were worth when they first came to the stage that makes them pipeline."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

from msgspec import Struct
from sqlalchemy import Subquery, and_, func, or_, select

from domain.money import from_minor_units
from projections import processes
from projections.deals import began_visit, standing, status_is, sums, within
from projections.metric import Inquiry, Key, Part
from projections.opportunities import TABLE
from projections.stages import in_process_order, name_of, place
from projections.stays import gone
from projections.versions import effective, history_until, known

MOST_VERSIONS = 2**20  # of a process


class GenerationRow(Struct, frozen=True):
    """The deals of one currency that came to the qualifying stage, and what they were worth then."""

    process: str
    stage: str
    name: str
    currency: str
    deals: int
    amount: Decimal


class Generated(NamedTuple):
    """Deals, and what they were worth in minor units."""

    deals: int
    amount: int


def generation(asked: Inquiry) -> Iterator[Part]:
    """The value of the deals that first came to the qualifying stage of their process in the period, as it was then.

    The qualifying stage is the one asked for, or else the one that the process names, or else its first open one. A
    deal came there when it first was in that stage or one past it, or was won: skipping it counts. Stages are compared
    by their order in the process version that the deal is under, last if it changed. A deal counts once in each
    process that it was in, by what it was worth when it came there, converted by the rate of that day; what it is
    worth by now does not matter. One that is merged or deleted at the moment is left out. Filters judge a deal as it
    stood at the moment.
    Unit: deals; units of the currency, never two currencies in one sum. Source: the visits of the opportunities begun
    by effective_at as known at known_at.
    """
    o, then, question = TABLE.c, TABLE.alias("then_stood"), asked.question
    entry = entries(asked)
    where = [
        and_(
            o.stream == entry.c.stream,
            o.visit == entry.c.visit,
            began_visit(TABLE),
            *within(o.effective_from, question),
        ),
        known(TABLE, question.known_at),
        and_(then.c.stream == entry.c.stream, standing(then, asked), ~gone(then)),
    ]
    for each in sums(asked, TABLE, (o.process, entry.c.stage), where, dated=o.effective_from, judged=then):
        generated = Generated(each.deals, each.amount or 0)
        key = (*each.values, each.currency)
        yield Part(each.group, key, generated, each.deals, each.origin, each.left_out, each.currency)


def entries(asked: Inquiry) -> Subquery:
    """(stream, stage, visit): which of a deal's visits brought it to the qualifying stage of each process."""
    v, question = TABLE.alias("visited"), asked.question
    begun = began_visit(v), history_until(v, question.known_at, question.effective_at)
    numbered = func.max(v.c.visit * MOST_VERSIONS + v.c.process_version) % MOST_VERSIONS
    last = select(v.c.stream, v.c.process, numbered.label("version")).where(*begun).group_by(v.c.stream, v.c.process)
    under = last.subquery("under")
    qualifying, reached = processes.TABLE.alias("qualifying"), processes.TABLE.alias("reached")
    published = [
        and_(stage.c.stream == under.c.process, stage.c.process_version == under.c.version, stage.c.kind == "open",
             known(stage, question.known_at), effective(stage))
        for stage in (qualifying, reached)
    ]  # fmt: skip
    chosen = qualifying.c.qualifies == 1 if question.stage is None else qualifying.c.stage == question.stage
    past = and_(status_is(v, "open"), reached.c.place >= qualifying.c.place)
    return (
        select(v.c.stream, qualifying.c.stage, func.min(v.c.visit).label("visit"))
        .join_from(v, under, and_(under.c.stream == v.c.stream, under.c.process == v.c.process))
        .join(qualifying, and_(published[0], chosen))
        .outerjoin(reached, and_(published[1], reached.c.stage == v.c.stage))
        .where(*begun, or_(status_is(v, "won"), past))
        .group_by(v.c.stream, v.c.process, qualifying.c.stage)
        .subquery("entry")
    )


def records(asked: Inquiry, measures: Mapping[Key, Sequence[Generated]]) -> Iterator[tuple[Key, GenerationRow]]:
    """A row a process and currency, in the order of the stages."""
    order, wanted = in_process_order(asked.references.stages), asked.question.pipeline
    for key in sorted(measures, key=lambda key: (*place(order, *key[:2]), key[2])):
        process, stage, currency = key
        if wanted in (None, process):
            deals, amount = (sum(each) for each in zip(*measures[key], strict=True))
            name = name_of(order, process, stage)
            yield key, GenerationRow(process, stage, name, currency, deals, from_minor_units(amount, currency))
