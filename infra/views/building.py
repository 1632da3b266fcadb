"""A generation of tables made from the whole log beside the live one, which it then replaces in one step.

A build may end at any point, however it ends: what was committed stays, and the next one goes on from there.
"""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from infra.gc_tuning import rarely_collected
from infra.store.log import Facts
from infra.views.folding import Progressed, advance, fold_shard
from infra.views.tables import BUILDING, LIVE, OLD, SCRATCH, Anchor, Catalog, Generation, Gone, Tables, shape
from infra.views.workers import Crew
from projections.versions import Projection

PART = 25_000  # events that are loaded together: what a killed build may have to do again
PARTS = 400  # at most
PAGE = 1000  # facts folded in one transaction
FAR = 2000  # facts behind from which a rebuild may be the shorter way
DEARER = 10  # times that a fact of a page costs one of a rebuild
POLL = 0.05  # seconds between two looks whether somebody else is done


def is_far(position: int, head: int, far: int = FAR) -> bool:
    """Whether a table is better built anew: far behind, or ahead of a log that was put back to an earlier state."""
    behind = head - position
    return behind < 0 or (behind > far and behind * DEARER > head)


@contextmanager
def alone(tables: Tables) -> Generator[None]:
    """Wait until nobody else builds, and keep it so."""
    while True:
        with tables.building() as obtained:
            if obtained:
                yield
                return
        time.sleep(POLL)


class Builder:
    """Who makes generations of one shape."""

    def __init__(self, tables: Tables, log: Facts, projections: Sequence[Projection], url: str | None) -> None:
        self._tables, self._log, self._projections, self._url = tables, log, projections, url
        self._shape = shape(projections)

    def ensure(self) -> None:
        """Tables to read, empty where there were none: quick, and `catch_up` fills them."""
        there = self._tables.generations()
        if any((each.shape, each.state) == (self._shape, LIVE) for each in there):
            return
        if not there:
            self._tables.drop()  # what is there although no catalog lists it
        with self._tables.locked() as catalog:
            generation = catalog.add(self._shape, SCRATCH, 0, 1)
        self._tables.prepare(generation, self._projections)
        self._complete(generation, 0.0)
        with self._tables.locked() as catalog:
            if catalog.live(self._shape):  # another process was quicker
                catalog.remove(generation)
            else:
                catalog.turn(generation, LIVE)

    def build(self, processes: int, part: int, progressed: Progressed) -> int:
        """A new live generation, or the unfinished one of a build that ended early; the position it has reached.

        Under the builders' lock.
        """
        generation = self._begun(BUILDING, self._log.head(), part)
        self.load(generation, processes, progressed)
        return self._swap(generation)

    @contextmanager
    def scratch(self, upto: int, processes: int, part: int, progressed: Progressed) -> Generator[Generation]:
        """A generation without indexes that nobody else reads, gone at the end. Under the builders' lock."""
        generation = self._begun(SCRATCH, upto, part)
        try:
            self._load_parts(generation, processes, progressed)
            yield generation
        finally:
            with self._tables.locked() as catalog:
                catalog.remove(generation)
            self._tables.drop()

    def discard(self) -> list[Generation]:
        """Drop every generation that is not live, and those that are live for earlier software; which these were."""
        with self._tables.locked() as catalog:
            live = catalog.live(self._shape)
            if live is None:
                raise Gone("there are no tables of this version: catch up first")
            gone = [g for g in catalog.generations() if g.id < live.id or g.state in (OLD, SCRATCH)]
            for generation in gone:
                catalog.remove(generation)
        self._tables.drop()
        return gone

    def load(self, generation: Generation, processes: int, progressed: Progressed) -> None:
        """Bring the log into a generation, up to where that begins to be kept up, and create its indexes."""
        started, before = time.perf_counter(), self._done(generation)
        self._load_parts(generation, processes, progressed)
        loaded = self._done(generation) - before
        self._complete(generation, loaded / (time.perf_counter() - started))

    def _begun(self, state: str, upto: int, part: int) -> Generation:
        """A generation to build: the one that an earlier build left, where it is still worth it."""
        left: Generation | None = None
        self._tables.drop()
        with self._tables.locked() as catalog:
            for each in catalog.generations():
                if each.shape == self._shape and each.state in (BUILDING, SCRATCH):
                    if state == each.state == BUILDING and not is_far(each.upto, upto):
                        left = each
                    else:
                        catalog.remove(each)
            shards = min(PARTS, max(1, -(-upto // part)))
            generation = left or catalog.add(self._shape, state, upto, shards)
        self._tables.prepare(generation, self._projections)
        with self._tables.loading(generation) as writing:
            anchor = writing.anchor()
            if anchor is None:
                writing.anchor_at(Anchor.at(self._log, generation.upto))
        if anchor is None or anchor.holds(self._log):
            return generation
        with self._tables.locked() as catalog:
            catalog.remove(generation)  # begun from another log
        return self._begun(state, upto, part)

    def _done(self, generation: Generation) -> int:
        with self._tables.loading(generation) as writing:
            return sum(writing.shards().values())

    def _load_parts(self, generation: Generation, processes: int, progressed: Progressed) -> None:
        with self._tables.loading(generation) as writing:
            done = writing.shards()
        missing = [shard for shard in range(generation.shards) if shard not in done]
        progressed(sum(done.values()))
        if processes > 1 and self._url and len(missing) > 1:
            crew = Crew(self._tables, self._url, self._projections, generation, progressed)
            return crew.load(missing, processes)
        for shard in missing:
            with rarely_collected(), self._tables.loading(generation) as writing:
                fold_shard(writing, self._log, self._projections, generation, shard, progressed)

    def _complete(self, generation: Generation, rate: float) -> None:
        self._tables.finish(generation, self._projections)
        with self._tables.within(generation) as writing:
            there = writing.progress()
            missing = [projection for projection in self._projections if projection.name not in there]
            writing.mark_at(missing, generation.upto, rate)
            if writing.anchor() is None:
                writing.anchor_at(Anchor.at(self._log, generation.upto))

    def _swap(self, generation: Generation) -> int:
        """Bring a generation to where the live one is, and put it in its place: readers never see an earlier state."""
        while self._log.head() - self._advanced(generation) > PAGE:  # with nobody waiting
            pass
        with self._tables.locked() as catalog:
            live = catalog.live(self._shape)
            before = self._reached(live) if live else 0
            while (reached := self._advanced(generation)) < min(before, self._log.head()):
                pass
            self._retire(catalog, live, before)
            catalog.turn(generation, LIVE)
        self._tables.drop()
        return reached

    def _reached(self, generation: Generation) -> int:
        with self._tables.seen(generation) as snapshot:
            return min(snapshot.positions(self._projections).values())

    def _retire(self, catalog: Catalog, live: Generation | None, reached: int) -> None:
        """Keep what was live until now as the old one, if it holds anything; one old one is enough."""
        for each in catalog.generations():
            if (each.shape, each.state) == (self._shape, OLD):
                catalog.remove(each)
        if live and reached:
            catalog.turn(live, OLD)
        elif live:
            catalog.remove(live)

    def _advanced(self, generation: Generation) -> int:
        with self._tables.within(generation) as writing:
            return advance(writing, self._log, self._projections, PAGE)
