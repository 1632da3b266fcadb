"""Facts become rows in the tables: a page at a time, a whole stream at a time, and around what cannot be folded."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence

from domain import kind
from domain.recorded import Fact, Unreadable
from infra.store.log import Facts, Histories
from infra.views.tables import Anchor, Generation, Parked, Writing
from projections.versions import (
    Cells,
    Projection,
    Version,
    cells,
    from_cells,
    history_cells,
    in_order,
    news,
    relevant,
    versions,
)

BATCH = 10_000  # rows held in memory in a rebuild, and events between two words of how far it is
RETRIED = 500  # parked streams folded again at once

Progressed = Callable[[int], None]
"""Told how many more events are done."""


def advance(writing: Writing, log: Facts, projections: Sequence[Projection], page: int) -> int:
    """Fold the next page of facts into every table, and say which position all have reached."""
    positions = writing.positions(projections)
    lowest = min(positions.values())
    facts = log.page(lowest, page)
    if not facts:
        return lowest
    for projection in projections:
        started, reached = time.perf_counter(), positions[projection.name]
        fold_page(writing, log, projection, [fact for fact in facts if fact.position > reached])
        rate = len(facts) / (time.perf_counter() - started)
        writing.mark_at([projection], max(facts[-1].position, reached), rate)
    writing.anchor_at(Anchor.at(log, facts[-1].position))
    return facts[-1].position


def fold_page(writing: Writing, log: Histories, projection: Projection, page: Iterable[Fact]) -> None:
    """Bring one projection's rows from before a page of facts to after it."""
    streams: dict[str, list[Fact]] = {}
    for fact in relevant(projection, page):
        if kind(fact.stream) == projection.kind:
            streams.setdefault(fact.stream, []).append(fact)
    for parked in writing.parked(streams) if streams else ():
        if parked.projection == projection.name:
            del streams[parked.stream]
    if not streams:
        return
    tips: dict[str, list[Version]] = {stream: [] for stream in streams}
    for row in writing.tips(projection, [stream for stream, facts in streams.items() if facts[0].version > 1]):
        tips[row[0]].append(from_cells(projection, row))
    # a fact may wait for a row that is not there yet, which no stored row shows: such streams are short, fold them anew
    late = [stream for stream, facts in streams.items() if projection.route or not in_order(tips[stream], facts)]
    histories = log.facts(late, max(facts[-1].position for facts in streams.values())) if late else {}
    closed, made = list[Version](), list[Version]()
    for stream, facts in streams.items():
        try:
            refuse_unreadable(facts)
            closes, inserts = news(projection, tips[stream], facts, relevant(projection, histories.get(stream, ())))
        except Exception:  # whatever a fold raises, the stream waits for somebody to look at it and the others go on
            closes, inserts = news_before_poison(writing, log, projection, tips[stream], facts)
        closed += closes
        made += inserts
    writing.close(projection, closed)
    writing.insert(projection, [cells(projection, version) for version in made])


def news_before_poison(
    writing: Writing, log: Histories, projection: Projection, tips: Sequence[Version], page: Sequence[Fact]
) -> tuple[list[Version], list[Version]]:
    """The `news` of those facts of a page that come before the one that cannot be folded, at which the stream parks."""
    stream, upto = page[0].stream, page[-1].position
    history, parked = sound(projection, relevant(projection, log.facts([stream], upto)[stream]))
    if parked:
        writing.park(parked)
        page = [fact for fact in page if fact.version < parked.version]
    return news(projection, tips, page, history) if page else ([], [])


class Unfolded(Exception):
    """A fact that cannot be decoded was met."""


def refuse_unreadable(facts: Iterable[Fact]) -> None:
    """Raise where one cannot be decoded: a fold would take it for an event of no concern."""
    for fact in facts:
        if type(fact.event) is Unreadable:
            raise Unfolded(fact.event.error)


def sound(projection: Projection, facts: Sequence[Fact]) -> tuple[Sequence[Fact], Parked | None]:
    """The facts of one stream, all that count, before the first with which they cannot be folded; and that one."""

    def failure(count: int) -> str:
        try:
            refuse_unreadable(facts[:count])
            versions(projection, facts[:count])
        except Unfolded as error:
            return str(error)
        except Exception as error:  # see fold_page
            return f"{type(error).__name__}: {error}"
        return ""

    # what fails with some facts fails with more, because versions are made one fact after the other
    good = bisect_left(range(1, len(facts) + 1), True, key=lambda count: bool(failure(count)))
    if good == len(facts):
        return facts, None
    poison = facts[good]
    of = projection.name, poison.stream, poison.version, poison.position, poison.tag
    return facts[:good], Parked(*of, failure(good + 1))


def whole(projection: Projection, facts: Sequence[Fact]) -> tuple[list[Cells], Parked | None]:
    """All rows of a stream from the facts that count, and where it parks."""
    try:
        refuse_unreadable(facts)
        return history_cells(projection, facts), None
    except Exception:  # see fold_page
        facts, parked = sound(projection, facts)
        return history_cells(projection, facts) if facts else [], parked


def fold_shard(
    writing: Writing,
    log: Facts,
    projections: Sequence[Projection],
    generation: Generation,
    shard: int,
    progressed: Progressed,
) -> None:
    """Fold one part of the log, stream by stream, into tables without indexes."""
    if not writing.claim(shard):
        return
    batches: dict[str, list[Cells]] = {projection.name: [] for projection in projections}
    concerned: dict[str, list[Projection]] = {}
    for projection in projections:
        concerned.setdefault(projection.kind, []).append(projection)
    events = told = 0
    for facts in log.scan(generation.upto, shard, generation.shards):
        events += len(facts)
        for projection in concerned.get(kind(facts[0].stream), ()):
            if counted := relevant(projection, facts):
                rows, parked = whole(projection, counted)
                batch = batches[projection.name]
                batch += rows
                if parked:
                    writing.park(parked)
                if len(batch) >= BATCH:
                    writing.insert(projection, batch)
                    batch.clear()
        if events - told >= BATCH:
            progressed(events - told)
            told = events
    for projection in projections:
        writing.insert(projection, batches[projection.name])
    writing.counted(shard, events)
    progressed(events - told)


def fold_again(writing: Writing, log: Facts, projection: Projection, streams: Sequence[str]) -> list[Parked]:
    """Replace the rows of parked streams by those that the log gives now; the ones that still park."""
    upto, still = writing.positions([projection])[projection.name], list[Parked]()
    for start in range(0, len(streams), RETRIED):
        chunk = streams[start : start + RETRIED]
        writing.forget(projection, chunk)
        for facts in log.facts(chunk, upto).values():
            rows, parked = whole(projection, relevant(projection, facts))
            writing.insert(projection, rows)
            if parked:
                writing.park(parked)
                still.append(parked)
    return still
