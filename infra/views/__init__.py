"""The read side kept up to date: tables brought to where the log is, and the metrics asked of them."""

import time
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from itertools import groupby
from typing import Self

from msgspec.structs import replace
from sqlalchemy import func, select

from domain.errors import NotFound, Rejected, Unavailable
from infra.gc_tuning import rarely_collected
from infra.store import Log
from infra.store.clock import Clock, now
from infra.store.log import Facts
from infra.store.places import sqlite_file
from infra.views.building import FAR, PAGE, PART, POLL, Builder, alone, is_far
from infra.views.digests import RowApart, digest, rows_apart
from infra.views.folding import Progressed, advance, fold_again
from infra.views.results import Answer, Checked, Explained, Kept
from infra.views.tables import (
    LIVE,
    OLD,
    PATIENCE,
    Anchor,
    Astray,
    Generation,
    Gone,
    Parked,
    Snapshot,
    Tables,
    Writing,
    shape,
)
from infra.views.workers import tables_at
from projections import METRICS, PROJECTIONS
from projections.figures.waterfall.differences import DealDifference, deal_differences
from projections.query.explanation import behind, left_out
from projections.query.metric import Metric, Period, Query, compute
from projections.query.question import Question
from projections.query.references import References, references
from projections.query.tables import FOLLOW_UPS, LEADS, OPPORTUNITIES, AnySelect, effective, known
from projections.versions import END, Projection

LATEST = Question()
REMEMBERED = 64  # positions whose stages, teams, rates and so on are kept at hand


def silent(_: int) -> None:
    """Tell nobody."""


class Views:
    """The tables of all projections of one log. Safe to share between threads and between processes."""

    def __init__(
        self,
        tables: Tables,
        log: Facts,
        projections: Sequence[Projection] = PROJECTIONS,
        url: str | None = None,
        tell: Callable[[str], None] = lambda _: None,
        clock: Clock = now,
    ) -> None:
        """Only with the URL of the log can other processes be asked to help. `tell` hears why tables are made anew.

        clock: what time it is, in microseconds since 1970 UTC.
        """
        self._tables, self._log = tables, log.tolerant()
        self._projections, self._shape = projections, shape(projections)
        self._references: dict[tuple[int, int], References] = {}
        self._tell, self._clock = tell, clock
        self._verified: tuple[int, Anchor] | None = None  # the generation and where it stood when last looked at
        self._builder = Builder(tables, self._log, projections, url)
        self._builder.ensure()

    @classmethod
    def open(cls, url: str, log: Log, tell: Callable[[str], None] = lambda _: None, clock: Clock = now) -> Self:
        """The views of the log at a URL: files beside an SQLite log's, schemas beside a PostgreSQL log's.

        What is missing or of an earlier shape is created empty; `catch_up` fills it. Raises Unavailable.
        """
        return cls(tables_at(url), log, url=url, tell=tell, clock=clock)

    @classmethod
    def open_apart(cls, url: str, folder: str, log: Log, clock: Clock = now) -> Self:
        """The views of a log beside which nothing can be written: in a folder elsewhere, as far as they are made."""
        from infra.views.sqlite import SqliteTables, copy_files

        place = copy_files(f"{sqlite_file(url)}-views", folder)
        return cls(SqliteTables(place), log, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._tables.disconnect()

    def position(self) -> int:
        """The lowest position that every table has reached. Raises Astray for tables of another log."""
        with self.reading() as snapshot:
            return min(snapshot.positions(self._projections).values())

    def catch_up(self, page: int = PAGE, far: int = FAR) -> int:
        """Bring every table to where the log is now, and say which position that is.

        In pages of facts, rows and position in one transaction a page; tables that are more than `far` facts behind
        are built anew where that is the shorter way, and those of another log always. Who comes while another does it
        waits and finds it done.
        """
        goal = self._log.head()
        with suppress(Gone, Astray):
            if self.position() == goal:  # the usual case where somebody else keeps them up
                return goal
        while (reached := self._step(page, far)) < goal:  # every step gets further
            pass
        return reached

    def wait_for(self, position: int, timeout: float) -> int:
        """Wait until the tables have reached a position, helping them there; the position that they have reached.

        For who reads what they wrote. Raises Unavailable after `timeout` seconds.
        """
        until = time.monotonic() + timeout
        while (reached := self.position()) < position:
            left = until - time.monotonic()
            if left <= 0:
                raise Unavailable(f"the tables are at position {reached} after {timeout} s, not yet at {position}")
            if self._log.head() > reached and not is_far(reached, self._log.head()):
                with self._writing(left) as writing:
                    advance(writing, self._log, self._projections, PAGE)
            else:  # somebody builds them, or the position is still to come
                time.sleep(min(POLL, left))
        return reached

    def rebuild(self, processes: int = 1, progressed: Progressed = silent, part: int = PART) -> int:
        """Make every table anew from the whole log beside those that are read, replace them in one step, and say how
        far that is.

        What an earlier rebuild began and did not finish goes on; who comes while another rebuilds waits and finds it
        done. `progressed` hears how many more events are in; a killed rebuild loses at most a `part`, in events, a
        process. Raises Unavailable.
        """
        before = self._live()
        with alone(self._tables):
            with suppress(Astray):
                if self._live() != before:
                    return self.position()
            return self._builder.build(processes, part, progressed)

    def discard_old(self) -> list[Generation]:
        """Drop the tables that a rebuild replaced, and those of earlier versions of the software; which these were."""
        with alone(self._tables):
            return self._builder.discard()

    def parked(self) -> list[Parked]:
        """The streams that a projection follows no further, because a fact of theirs could not be read or folded."""
        with self._tables.reading(self._shape) as snapshot:
            return snapshot.parked()

    def retry(self, stream: str | None = None) -> tuple[list[Parked], list[Parked]]:
        """Fold parked streams anew from the log, all or one: (those that are followed again, those that still park).

        Raises NotFound for a stream that is not parked, Rejected for tables that are fed from Kafka.
        """
        freed, still = list[Parked](), list[Parked]()
        self._references = {}
        with self._writing() as writing:
            if writing.furthest() == END:
                raise Rejected(
                    "these tables are fed from Kafka: `dealtrail rebuild` makes them anew, parked streams too"
                )
            asked = writing.parked(None if stream is None else [stream])
            if stream is not None and not asked:
                raise NotFound(f"{stream}: no projection has parked it")
            named = {projection.name: projection for projection in self._projections}
            for name, group in groupby(sorted(asked, key=lambda each: each.projection), lambda each: each.projection):
                before = [*group]
                again = fold_again(writing, self._log, named[name], [each.stream for each in before])
                left = {each.stream for each in again}
                freed += (each for each in before if each.stream not in left)
                still += again
        return freed, still

    def kept(self) -> list[Kept]:
        """How far each projection is."""
        with self._tables.reading(self._shape) as snapshot:
            progress, parked = snapshot.progress(), [each.projection for each in snapshot.parked()]
        return [
            Kept(each.name, each.version, *progress[each.name], parked.count(each.name)) for each in self._projections
        ]

    def generations(self) -> list[tuple[Generation, bool]]:
        """All sets of tables there are, each with whether it is of this version of the software."""
        return [(each, each.shape == self._shape) for each in self._tables.generations()]

    def check(self, processes: int = 1, progressed: Progressed = silent, part: int = PART) -> Checked:
        """Whether the tables hold what they would, were they made anew now; those made to compare are removed."""
        with alone(self._tables):
            upto = self.position()
            with (
                self._builder.scratch(upto, processes, part, progressed) as generation,
                self._tables.reading(self._shape) as kept,
                self._tables.seen(generation) as rebuilt,
            ):
                return compared(kept, rebuilt, self._projections, upto)

    def ask(self, name: str, question: Question = LATEST) -> Answer:
        """The answer to a question of a metric, from one state of the tables.

        Raises NotFound for a metric that there is not, Malformed for a question that it does not take.
        """
        with self._query(name, question) as (metric, known_at, newest, query):
            answer = compute(metric, query)
        reasons = Counter[str]()
        for part in answer.left_out:
            reasons[part.left_out] += part.deals
        return Answer(
            name, metric.version, known_at, query.moment, newest, [figure.record for figure in answer.figures],
            [figure.group for figure in answer.figures], dict(reasons), sorted(query.notes),
        )  # fmt: skip

    def explain(self, name: str, question: Question = LATEST) -> Explained:
        """An answer with the rows behind each figure, and those that count in none. Raises as `ask` does."""
        with self._query(name, question) as (metric, known_at, _, query):
            query = query._replace(apart=True)
            answer = compute(metric, query)
            rest = list(left_out(metric, query, answer))
        figures = [(figure.group, figure.record, [behind(part) for part in figure.parts]) for figure in answer.figures]
        return Explained(name, known_at, query.moment, figures, rest)

    def compare(self, question: Question) -> list[DealDifference]:
        """The deals that are not what they were, between the two moments of a waterfall. Raises as `ask` does."""
        with self._query("waterfall", question) as (*_, query):
            return list(deal_differences(query))

    @contextmanager
    def _query(self, name: str, question: Question) -> Generator[tuple[Metric, int, int | None, Query]]:
        """(metric, position of its answer, newest business time known, question on its way) in one snapshot.

        The newest business time is None where a moment is named.
        """
        metric = METRICS.get(name)
        if metric is None:
            raise NotFound(f"there is no metric {name!r}; there are {', '.join(METRICS)}")
        with self.pinned(metric.checked(question)) as (known_at, newest, query):
            yield metric, known_at, newest, query

    @contextmanager
    def pinned(self, question: Question) -> Generator[tuple[int, int | None, Query]]:
        """(position that it is for, newest business time known, question on its way), all in one snapshot.

        The newest business time is None where a moment is named.
        """
        with rarely_collected(), self.reading() as snapshot:
            known_at = min(question.known_at, *snapshot.positions(self._projections).values())
            # what is known at the position that the tables have reached is all that they know, which is quicker to find
            all_of_it = known_at == snapshot.furthest()
            instant = question.effective_at
            newest = newest_time(snapshot, END if all_of_it else known_at) if all_of_it or instant == END else None
            if instant == END:
                instant = max(self._clock(), -END if newest is None else newest)
            # likewise what is true at an instant after which nothing is known to have happened
            to_this_day = newest is not None and instant >= newest
            pinned = replace(
                question, known_at=END if all_of_it else known_at, effective_at=END if to_this_day else instant
            )
            place = snapshot.generation, known_at
            known = self._references.get(place)
            if known is None:  # what is known at a position never changes
                known = references(pinned, snapshot.select)
                self._references = {**dict([*self._references.items()][-REMEMBERED:]), place: known}
            whole = Period("", question.since, question.until)
            newest = newest if question.effective_at == END else None  # nobody who names a moment asks how new it is
            yield known_at, newest, Query(pinned, known, snapshot.select, instant, (whole,), set())

    def references(self, upto: int = END) -> References:
        """What no deal owns, as known at a position: stages, teams, rates, quotas, the calendar."""
        with self.reading() as snapshot:
            return references(Question(known_at=upto), snapshot.select)

    def digest(self, upto: int | None = None) -> dict[str, str]:
        """A fingerprint of the rows of each table, the same in any order and on any database.

        With a position, that of the rows that there would be, had the log ended there.
        """
        with self.reading() as snapshot:
            return digest(snapshot, self._projections, upto)

    def _step(self, page: int, far: int) -> int:
        """One transaction's worth of catching up, or a build: the lowest position reached by then."""
        with suppress(Astray), self._writing() as writing:
            reached = min(writing.positions(self._projections).values())
            if not is_far(reached, self._log.head(), far):
                return advance(writing, self._log, self._projections, page)
        with alone(self._tables):
            try:
                reached = self.position()
                if not is_far(reached, self._log.head(), far):  # somebody has built it meanwhile
                    return reached
            except Astray as error:
                self._tell(str(error))
            return self._builder.build(1, PART, silent)

    @contextmanager
    def _writing(self, patience: float = PATIENCE) -> Generator[Writing]:
        with ExitStack() as stack:
            try:
                writing = stack.enter_context(self._tables.writing(self._shape, patience))
            except Gone:  # discarded by who took us for a thing of the past
                self._builder.ensure()
                writing = stack.enter_context(self._tables.writing(self._shape, patience))
            self._verify(writing)
            yield writing

    @contextmanager
    def reading(self) -> Generator[Snapshot]:
        """One state of the tables, which are those of the log. Raises Astray where they are not."""
        with self._tables.reading(self._shape) as snapshot:
            self._verify(snapshot)
            yield snapshot

    def _verify(self, snapshot: Snapshot) -> None:
        """Compare the anchor with the log, unless it is the one that was compared last."""
        anchor = snapshot.anchor()
        place = None if anchor is None else (snapshot.generation, anchor)
        if anchor is None or (place != self._verified and not anchor.holds(self._log)):
            raise Astray(strayed(anchor, self._log))
        self._verified = place

    def strayed(self) -> str:
        """Why the tables are not those of the log; empty where they are."""
        try:
            self.position()
        except Astray as error:
            return str(error)
        return ""

    def anchors(self) -> list[Anchor]:
        """Where all sets of tables of this version stand, those too that were replaced."""
        found = list[Anchor]()
        for generation, ours in self.generations():
            if ours and generation.state in (LIVE, OLD):
                with self._tables.seen(generation) as snapshot:
                    found += filter(None, [snapshot.anchor()])
        return found

    def _live(self) -> list[int]:
        return [each.id for each, ours in self.generations() if ours and each.state == "live"]


def newest_times(known_at: int) -> list[AnySelect]:
    """The selects of when anything is known to have happened last, of a table each."""
    return [
        select(func.max(table.c.effective_from)).where(known(table, known_at), effective(table))
        for table in (OPPORTUNITIES, FOLLOW_UPS, LEADS)
    ]


NEWEST = newest_times(END)


def newest_time(snapshot: Snapshot, known_at: int) -> int | None:
    """When anything is known at a position to have happened last to a deal or a lead, microseconds since 1970 UTC."""
    selects = NEWEST if known_at == END else newest_times(known_at)
    instants = [instant for each in selects for (instant,) in snapshot.select(each)]
    return max((instant for instant in instants if instant is not None), default=None)


def strayed(anchor: Anchor | None, log: Facts) -> str:
    """In what way tables are not those of a log, and what follows."""
    if anchor is None or anchor.identity != log.identity():
        return "the tables were made from another log: catching up, or dealtrail rebuild, makes them anew"
    return (
        f"the tables were made when the log had event {anchor.event_id} at position {anchor.position}, which it has "
        "not any more (a backup was put back, or events are gone): catching up, or dealtrail rebuild, makes them anew"
    )


def compared(kept: Snapshot, rebuilt: Snapshot, projections: Sequence[Projection], upto: int) -> Checked:
    """What two sets of tables say of the log up to a position."""
    of_kept, of_rebuilt = digest(kept, projections, upto), digest(rebuilt, projections, upto)
    found = list[RowApart]()
    for projection in projections:
        if of_kept[projection.name] != of_rebuilt[projection.name]:
            found += rows_apart(kept, rebuilt, projection, upto)
    one, other = ({each for each in side.parked() if each.position <= upto} for side in (kept, rebuilt))
    apart = sorted(one ^ other, key=lambda each: (each.position, each.projection))
    return Checked(upto, of_kept, of_rebuilt, found, apart)


__all__ = ["Answer", "Checked", "Explained", "Kept", "Parked", "Progressed", "Views"]
