"""The read side kept up to date: tables brought to where the log is, and the metrics asked of them."""

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from typing import Any, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import select

from domain import kind
from domain.errors import NotFound
from domain.recorded import Fact
from infra.store import Log
from infra.views.tables import Tables, Writing, shape
from projections import METRICS, PROJECTIONS
from projections.explanation import Behind, LeftOut, behind, left_out
from projections.metric import Inquiry, Metric, found
from projections.question import Question
from projections.references import References, references
from projections.versions import (
    END,
    Cells,
    Projection,
    Version,
    cells,
    from_cells,
    history_cells,
    in_order,
    news,
    relevant,
)

PAGE = 1000  # facts folded in one transaction
FAR = 2000  # facts behind from which a rebuild may be the shorter way
DEARER = 10  # times that a fact of a page costs one of a rebuild
BATCH = 20_000  # rows held in memory in a rebuild
LATEST = Question()
REMEMBERED = 64  # positions whose stages, teams, rates and so on are kept at hand


class Answer(Struct, frozen=True):
    """What a metric came to.

    known_at: the position that the answer is for, and will always be the same for. effective_at: microseconds since
    1970 UTC, None for the latest. groups: what each of the records is about, where the question was grouped. left_out:
    how many deals count nowhere, by reason.
    """

    metric: str
    version: int
    known_at: int
    effective_at: int | None
    records: list[Any]
    groups: list[dict[str, str]]
    left_out: dict[str, int]


class Explained(Struct, frozen=True):
    """An answer with what is behind it: (group, record, rows) for each figure, and the rows that count in none."""

    metric: str
    known_at: int
    figures: list[tuple[dict[str, str], Any, list[Behind]]]
    left_out: list[LeftOut]


class Views:
    """The tables of all projections of one log. Safe to share between threads and between processes."""

    def __init__(self, tables: Tables, log: Log, projections: Sequence[Projection] = PROJECTIONS) -> None:
        self._tables, self._log, self._projections = tables, log, projections
        self._references: dict[int, References] = {}
        with self._tables.writing() as writing:
            shapes = writing.shapes()
            if strange := [p for p in projections if shapes.get(p.name, ("", 0))[0] != shape(p)]:
                with writing.anew(strange):
                    pass
                for projection in strange:
                    writing.mark(projection, 0)

    @classmethod
    def open(cls, url: str, log: Log) -> Self:
        """The views of the log at a URL: a file beside an SQLite log's, a schema beside a PostgreSQL log's.

        What is missing or of an earlier shape is created empty; `catch_up` fills it. Raises Unavailable.
        """
        scheme, _, file = url.partition(":///")
        if scheme == "sqlite":
            from infra.views.sqlite import SqliteTables

            return cls(SqliteTables(f"{file}-views"), log)
        from infra.views.postgres import PostgresTables  # its client takes its time to load

        return cls(PostgresTables(url), log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._tables.disconnect()

    def position(self) -> int:
        """The lowest position that every table has reached."""
        with self._tables.reading(self._projections) as snapshot:
            return min(snapshot.positions(self._projections).values())

    def catch_up(self, page: int = PAGE, far: int = FAR) -> int:
        """Bring every table to where the log is now, and say which position that is.

        In pages of facts, rows and position in one transaction a page; a table that is more than `far` facts behind
        is built anew where that is the shorter way. Who comes while another does it waits and finds it done.
        """
        goal = self._log.head()
        while (reached := self._step(page, far)) < goal:  # every step gets further
            pass
        return reached

    def rebuild(self) -> int:
        """Build every table anew from the whole log, and say up to which position."""
        with self._tables.writing() as writing:
            self._rebuild(writing, self._projections, self._log.head())
            return min(writing.positions(self._projections).values())

    def _step(self, page: int, far: int) -> int:
        """One transaction's worth of catching up: the lowest position reached by then."""
        with self._tables.writing() as writing:
            positions, head = writing.positions(self._projections), self._log.head()
            if lost := [p for p in self._projections if is_far(positions[p.name], head, far)]:
                self._rebuild(writing, lost, head)
            elif facts := self._log.page(min(positions.values()), page):
                for projection in self._projections:
                    reached = positions[projection.name]
                    fold_page(writing, self._log, projection, [fact for fact in facts if fact.position > reached])
                    writing.mark(projection, max(facts[-1].position, reached))
            return min(writing.positions(self._projections).values())

    def _rebuild(self, writing: Writing, projections: Sequence[Projection], upto: int) -> None:
        self._references = {}
        with writing.anew(projections):
            batches: dict[str, list[Cells]] = {projection.name: [] for projection in projections}
            for facts in self._log.scan(upto):
                of = kind(facts[0].stream)
                for projection in projections:
                    if projection.kind == of and (counted := relevant(projection, facts)):
                        batch = batches[projection.name]
                        batch += history_cells(projection, counted)
                        if len(batch) >= BATCH:
                            writing.insert(projection, batch)
                            batch.clear()
            for projection in projections:
                writing.insert(projection, batches[projection.name])
        for projection in projections:
            writing.mark(projection, upto)

    def ask(self, name: str, question: Question = LATEST) -> Answer:
        """The answer to a question of a metric, from one state of the tables.

        Raises NotFound for a metric that there is not, Malformed for a question that it does not take.
        """
        with self._inquiry(name, question) as (metric, moment, inquiry):
            answer = found(metric, inquiry)
        reasons = Counter[str]()
        for part in answer.left_out:
            reasons[part.left_out] += part.deals
        return Answer(
            name, metric.version, moment, None if question.effective_at == END else question.effective_at,
            [figure.record for figure in answer.figures], [figure.group for figure in answer.figures], dict(reasons),
        )  # fmt: skip

    def explain(self, name: str, question: Question = LATEST) -> Explained:
        """The same answer with the rows behind each figure, and those that count in none. Raises as `ask` does."""
        with self._inquiry(name, question) as (metric, moment, inquiry):
            inquiry = inquiry._replace(apart=True)
            answer = found(metric, inquiry)
            rest = list(left_out(metric, inquiry, answer))
        figures = [(figure.group, figure.record, [behind(part) for part in figure.parts]) for figure in answer.figures]
        return Explained(name, moment, figures, rest)

    @contextmanager
    def _inquiry(self, name: str, question: Question) -> Generator[tuple[Metric, int, Inquiry]]:
        """The metric, the position that its answer is for, and the question on its way, in one state of the tables."""
        metric = METRICS.get(name)
        if metric is None:
            raise NotFound(f"there is no metric {name!r}; there are {', '.join(METRICS)}")
        question = metric.checked(question)
        with self._tables.reading(self._projections) as snapshot:
            positions = snapshot.positions(self._projections).values()
            moment = min(question.known_at, *positions)
            # what is known at the position that the tables have reached is all that they know, which is quicker to find
            pinned = replace(question, known_at=END if moment == max(positions) else moment)
            known = self._references.get(moment)
            if known is None:  # what is known at a position never changes
                known = references(pinned, snapshot.select)
                self._references = {**dict([*self._references.items()][-REMEMBERED:]), moment: known}
            yield metric, moment, Inquiry(pinned, known, snapshot.select)

    def digest(self) -> dict[str, str]:
        """A fingerprint of the rows of each table, the same in any order and on any database."""
        with self._tables.reading(self._projections) as snapshot:
            return {
                projection.name: fingerprint(snapshot.select(select(projection.table)))
                for projection in self._projections
            }


def fold_page(writing: Writing, log: Log, projection: Projection, page: Iterable[Fact]) -> None:
    """Bring one projection's rows from before a page of facts to after it."""
    streams: dict[str, list[Fact]] = {}
    for fact in relevant(projection, page):
        if kind(fact.stream) == projection.kind:
            streams.setdefault(fact.stream, []).append(fact)
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
        closes, inserts = news(projection, tips[stream], facts, relevant(projection, histories.get(stream, ())))
        closed += closes
        made += inserts
    writing.close(projection, closed)
    writing.insert(projection, [cells(projection, version) for version in made])


def is_far(position: int, head: int, far: int) -> bool:
    """Whether a table is better built anew: far behind, or ahead of a log that was put back to an earlier state."""
    behind = head - position
    return behind < 0 or (behind > far and behind * DEARER > head)


def fingerprint(rows: Iterable[Sequence[Any]]) -> str:
    """The sum of the hashes of the rows: 128 bits in hexadecimal."""
    hashes = (blake2b(msgspec.json.encode(tuple(row)), digest_size=16).digest() for row in rows)
    return f"{sum(int.from_bytes(each) for each in hashes) % 2**128:032x}"


__all__ = ["Answer", "Views", "fold_page"]
