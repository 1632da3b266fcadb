"""Moves: from which stage to where the deals went, and how often they went back."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import tuple_

from projections.query.metric import Key, Metric, Part, Query
from projections.query.selection import within
from projections.query.stages import Ladder, in_process_order, ladders, name_of, place
from projections.query.stays import counts
from projections.query.tables import OPPORTUNITIES
from projections.rows.opportunities import PROJECTION


class TransitionRow(Struct, frozen=True):
    """How often deals left a stage for another place: an open stage, or, won or lost, from where they were."""

    process: str
    stage: str
    name: str
    to_process: str
    to_stage: str
    to_status: str
    moves: int


class BackwardRow(Struct, frozen=True):
    """How often deals were moved back from a stage, and how many deals those were."""

    process: str
    stage: str
    name: str
    moves: int
    deals: int


class Moved(NamedTuple):
    """Moves."""

    moves: int = 0


class MovedBack(NamedTuple):
    """Moves, and how many deals made them."""

    moves: int = 0
    deals: int = 0


def transitions(asked: Query) -> Iterator[Part]:
    """The transition matrix: every move of a deal out of an open stage in the period, by where from and where to.

    A move is a fact that took a deal from an open stage to another stage, to another process, or to being won or
    lost (then `to_stage` is the stage in which it was closed). Another version of the process with the stage unchanged
    is none, nor is being merged, deleted, unmerged or restored. A deal that is merged or deleted at the moment
    is left out with all its moves. A move counts for whom the deal belonged to then, and for the pipeline that it left.
    Unit: moves. Source: the facts that began a visit of the opportunities by effective_at, as known at known_at.
    """
    o = OPPORTUNITIES.c
    where = within(o.effective_from, asked.question)
    for each in counts(asked, (o.was_process, o.was_stage, o.process, o.stage, o.status), where):
        yield Part(each.group, each.values, Moved(each.moves), each.moves, each.origin, period=each.period)


def transition_records(asked: Query, measures: Mapping[Key, Sequence[Moved]]) -> Iterator[tuple[Key, TransitionRow]]:
    """A row a kind of move, in the order of the stages left, then of those reached."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: (place(order, *key[:2]), place(order, *key[2:4]), key[4])):
        process, stage, to_process, to_stage, to_status = key
        moves, name = sum(each.moves for each in measures[key]), name_of(order, process, stage)
        yield key, TransitionRow(process, stage, name, to_process, to_stage, to_status, moves)


def backward_moves(asked: Query) -> Iterator[Part]:
    """Moves back: from an open stage to an earlier one of the same process, in the period, by the stage that was left.

    Earlier by the order of the stages in the process version that the deal was under after the move; a move from or to
    a stage that this version does not have is none. Moves are counted as in `transitions`. deals: how many deals moved
    back from the stage, each once.
    Unit: moves, deals. Source: the facts that began a visit of the opportunities by effective_at, as known at known_at.
    """
    o, on = OPPORTUNITIES.c, ladders(asked.references.stages)
    where = [*within(o.effective_from, asked.question), o.status == "open", o.process == o.was_process]
    moves, everybody = (o.process, o.process_version, o.was_stage, o.stage), replace(asked.question, by=())
    plain = asked._replace(question=everybody, periods=asked.periods[:1], apart=False)
    back = {each.values for each in counts(plain, moves, where) if is_back(on, *each.values)}
    if not back:
        return
    seen = set[tuple[Any, ...]]()
    for each in counts(asked, (o.process, o.was_stage, o.stream), [*where, tuple_(*moves).in_(sorted(back))]):
        place = each.period, each.group, each.values
        deals = int(place not in seen)  # of a deal that moved back twice the first move counts it
        seen.add(place)
        yield Part(
            each.group, each.values[:2], MovedBack(each.moves, deals), deals, each.origin, period=each.period
        )  # fmt: skip


def is_back(on: Mapping[tuple[str, int], Ladder], process: str, version: int, left: str, reached: str) -> bool:
    """Whether a process version has both stages, the one that was reached before the one that was left."""
    ladder = on.get((process, version))
    return ladder is not None and 0 < ladder.step(reached, "open") < ladder.step(left, "open")


def backward_records(asked: Query, measures: Mapping[Key, Sequence[MovedBack]]) -> Iterator[tuple[Key, BackwardRow]]:
    """A row a stage that was moved back from, in the order of the stages."""
    order = in_process_order(asked.references.stages)
    for key in sorted(measures, key=lambda key: place(order, *key)):
        moves, deals = (sum(each) for each in zip(*measures[key], strict=True))
        process, stage = key
        yield key, BackwardRow(process, stage, name_of(order, process, stage), moves, deals)


METRICS = (
    Metric("transitions", 2, transitions, transition_records, PROJECTION, period="taken", at_once=True, none=Moved()),
    Metric(
        "backward-moves",
        2,
        backward_moves,
        backward_records,
        PROJECTION,
        period="taken",
        at_once=True,
        none=MovedBack(),
    ),
)
