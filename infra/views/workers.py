"""Parts of the log folded in several processes at once; they end with the one that started them."""

import os
import signal
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING, Any

from domain.errors import Unavailable
from infra.gc_tuning import rarely_collected
from infra.store import open_log
from infra.store.places import sqlite_file
from infra.views.folding import Progressed, fold_shard
from infra.views.tables import Generation, Tables
from projections.versions import Projection

if TYPE_CHECKING:
    from multiprocessing.connection import Connection


def tables_at(url: str) -> Tables:
    """The tables that follow the log at a URL: files beside an SQLite log's, schemas beside a PostgreSQL log's."""
    if file := sqlite_file(url):
        from infra.views.sqlite import SqliteTables

        return SqliteTables(f"{file}-views")
    from infra.views.postgres import PostgresTables  # its client takes its time to load

    return PostgresTables(url)


class Crew:
    """Processes that load the parts of one generation."""

    def __init__(
        self,
        tables: Tables,
        url: str,
        projections: Sequence[Projection],
        generation: Generation,
        progressed: Progressed,
    ) -> None:
        self._tables, self._url, self._projections, self._generation = tables, url, projections, generation
        self._progressed = progressed
        self._children: dict[Any, BaseProcess] = {}

    def load(self, shards: Iterable[int], processes: int) -> None:
        """Load parts, each taken in when it is done. Raises Unavailable where a process fails, and ends the others."""
        waiting, context = deque(shards), get_context("spawn")
        try:
            for _ in range(min(processes, len(waiting))):
                ours, theirs = context.Pipe()
                told = theirs, self._url, self._projections, self._generation
                child = context.Process(target=work, args=told, daemon=True)
                child.start()
                theirs.close()
                self._children[ours] = child
                ours.send(waiting.popleft())
            while self._children:
                for pipe in wait([*self._children]):
                    self._listen(pipe, waiting)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            raise Unavailable("a process of the rebuild ended early: start it again, it goes on from there") from None
        finally:
            for child in self._children.values():  # those left where one failed or the user has had enough
                child.terminate()
                child.join()

    def _listen(self, pipe: Any, waiting: deque[int]) -> None:
        """Take one message of a child: how far it is, a part that is done, or why it failed."""
        said, value = pipe.recv()
        if said == "failed":
            raise Unavailable(f"a process of the rebuild failed: {value}")
        if said == "events":
            return self._progressed(value)
        last = not waiting
        pipe.send(None if last else waiting.popleft())  # first, so that it goes on while we take the part in
        self._tables.take_in(self._generation, self._projections, value, self._children[pipe].pid or 0)
        if last:
            pipe.close()
            self._children.pop(pipe).join()


def work(pipe: "Connection[Any, Any]", url: str, projections: Sequence[Projection], generation: Generation) -> None:
    """A child's life: one part after the other, until there is none or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent gets it too, and ends us
    threading.Thread(target=end_with_parent, daemon=True).start()
    log, tables = open_log(url), tables_at(url)
    try:
        while (shard := pipe.recv()) is not None:
            with rarely_collected(), tables.apart(generation, projections, shard) as writing:
                fold_shard(
                    writing, log.tolerant(), projections, generation, shard, lambda count: pipe.send(("events", count))
                )
            pipe.send(("done", shard))
    except EOFError:
        return
    except Exception as error:  # the parent tells it, and ends the others
        pipe.send(("failed", f"{type(error).__name__}: {error}"))
    finally:
        tables.disconnect()
        log.close()


def end_with_parent() -> None:
    """Do not outlive the parent, however it ended: who resumes its work would meet ours."""
    if parent := parent_process():
        parent.join()
    os._exit(1)
