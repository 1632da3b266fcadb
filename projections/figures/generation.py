"""Pipeline generation: what deals were worth when they first came to the stage that makes them pipeline."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from sqlalchemy import ColumnElement, Subquery, and_, case, func, or_, select

from domain.money import from_minor_units
from projections.query.metric import Key, Metric, Part, Query
from projections.query.question import Question
from projections.query.selection import Sum, attributed, began_visit, stands, status_is, sums, within
from projections.query.stages import Stage, in_process_order, name_of, place
from projections.query.stays import gone
from projections.query.tables import OPPORTUNITIES, STANDING, history_until, known
from projections.query.units import Amount
from projections.rows.opportunities import PROJECTION

MOST_VERSIONS = 2**20  # of a process


class GenerationRow(Struct, frozen=True):
    """The deals of one currency that came to the qualifying stage, and what they were worth then."""

    process: str
    stage: str
    name: str
    currency: str
    deals: int
    amount: Amount


class Generated(NamedTuple):
    """Deals, and what they were worth in minor units."""

    deals: int = 0
    amount: int = 0


class Rule(NamedTuple):
    """The qualifying stage of a process version, and the open stages from it on."""

    stage: str
    reached: tuple[str, ...]


def generation(asked: Query) -> Iterator[Part]:
    """The value of the deals that first came to the qualifying stage of their process in the period, as it was then.

    The qualifying stage is the one asked for, or else the one that the process names, or else its first open one. A
    deal came there when it first was in that stage or one past it, or was won: skipping it counts. Stages are compared
    by their order in the process version that the deal is under, last if it changed. A deal counts once in each
    process that it was in, by what it was worth when it came there, converted by the rate of that day; what it is
    worth by now does not matter. One that is merged or deleted at the moment is left out. A deal counts for whom it
    belonged to when it came there.
    Unit: deals; units of the currency, never two currencies in one sum. Source: the visits of the opportunities begun
    by effective_at as known at known_at.
    """
    rules = qualifying(asked.references.stages, asked.question.stage)
    for each in first_entries(asked):
        process, version = each.values
        key = process, rules[process, version].stage, each.currency
        generated = Generated(each.deals, each.amount or 0)
        yield Part(
            each.group, key, generated, each.deals, each.origin, each.left_out, each.currency, each.period
        )  # fmt: skip


def first_entries(asked: Query, columns: Sequence[ColumnElement[Any]] = ()) -> Iterator[Sum]:
    """The deals that first came to the qualifying stage in the period, with their process, its version and columns."""
    o, question = OPPORTUNITIES.c, asked.question
    rules = qualifying(asked.references.stages, question.stage)
    if not rules:
        return
    entry = entries(question, rules)
    where = [
        and_(o.stream == entry.c.stream, o.visit == entry.c.visit, began_visit(OPPORTUNITIES)),
        and_(known(OPPORTUNITIES, question.known_at), *within(o.effective_from, question)),
        and_(STANDING.c.stream == entry.c.stream, stands(asked), ~gone(STANDING)),
    ]
    whose, at = attributed(asked, OPPORTUNITIES, o.effective_from, process=o.process), o.effective_from
    yield from sums(asked, OPPORTUNITIES, (o.process, entry.c.version, *columns), where, whose, at, cut=at)


def qualifying(stages: Iterable[Stage], chosen: str | None) -> dict[tuple[str, int], Rule]:
    """(process, version) to what qualifies there: the stage chosen, or else its own; none for a version without it."""
    opens: dict[tuple[str, int], list[Stage]] = {}
    for stage in sorted(stages, key=lambda stage: (stage.place, stage.stage)):
        if stage.kind == "open":
            opens.setdefault((stage.process, stage.process_version), []).append(stage)
    found: dict[tuple[str, int], Rule] = {}
    for version, ordered in opens.items():
        for rank, stage in enumerate(ordered):
            if stage.qualifies if chosen is None else stage.stage == chosen:
                found[version] = Rule(stage.stage, tuple(past.stage for past in ordered[rank:]))
    return found


def entries(question: Question, rules: Mapping[tuple[str, int], Rule]) -> Subquery:
    """(stream, version, visit): which of a deal's visits brought it to the qualifying stage of each process.

    In one pass: which version a deal is under in the end is known at its end only, so the first visit that would count
    is found by each of a process's rules, which are mostly one, and the right one is picked then.
    """
    o, begun = OPPORTUNITIES.c, history_until(OPPORTUNITIES, question.known_at, question.effective_at)
    version = func.max(o.visit * MOST_VERSIONS + o.process_version) % MOST_VERSIONS
    numbered: dict[str, list[tuple[str, ...]]] = {}  # the different rules of a process
    picks: list[dict[str, list[int]]] = []  # by number of a rule: for which versions of which process it counts
    for (process, number), rule in rules.items():
        of = numbered.setdefault(process, [])
        if rule.reached not in of:
            of.append(rule.reached)
        picks += [{} for _ in range(len(of) - len(picks))]
        picks[of.index(rule.reached)].setdefault(process, []).append(number)
    firsts: list[ColumnElement[int]] = []
    for index, pick in enumerate(picks):
        reached = (and_(o.process == process, o.stage.in_(numbered[process][index])) for process in pick)
        open_there = and_(status_is(OPPORTUNITIES, "open"), or_(*reached))
        firsts.append(
            func.min(case((or_(status_is(OPPORTUNITIES, "won"), open_there), o.visit))).label(f"first_{index}")
        )
    there: list[ColumnElement[bool]] = []
    if question.since is not None or question.until is not None:  # who came nowhere in the period need not be looked at
        inside = select(o.stream).where(began_visit(OPPORTUNITIES), begun, *within(o.effective_from, question))
        there.append(o.stream.in_(inside))
    each = (
        select(o.stream, o.process, version.label("version"), *firsts)
        .where(begun, began_visit(OPPORTUNITIES), *there)
        .group_by(o.stream, o.process)
        .subquery("first_visits")
    )
    right = (
        (and_(each.c.process == process, each.c.version.in_(versions)), each.c[f"first_{index}"])
        for index, pick in enumerate(picks)
        for process, versions in pick.items()
    )
    return select(each.c.stream, each.c.version, case(*right).label("visit")).subquery("entry")


def records(asked: Query, measures: Mapping[Key, Sequence[Generated]]) -> Iterator[tuple[Key, GenerationRow]]:
    """A row a process and currency, in the order of the stages."""
    order, wanted = in_process_order(asked.references.stages), asked.question.pipeline
    for key in sorted(measures, key=lambda key: (*place(order, *key[:2]), key[2])):
        process, stage, currency = key
        if wanted in (None, process):
            deals, amount = (sum(each) for each in zip(*measures[key], strict=True))
            name = name_of(order, process, stage)
            yield key, GenerationRow(process, stage, name, currency, deals, from_minor_units(amount, currency))


METRICS = (
    Metric(
        "generation", 2, generation, records, PROJECTION, period="taken", stage=True, at_once=True, none=Generated()
    ),
)
