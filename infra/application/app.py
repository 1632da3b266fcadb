"""Puts the parts together: a log, the vault over it, who dispatches, and the views that follow."""

from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from functools import partial
from queue import Empty, SimpleQueue
from threading import Lock, local
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from domain import BY_KIND
from domain.errors import PipelineError, Unavailable
from domain.history import History
from domain.recorded import Request, instant
from domain.reference.calendar import ORGANISATION, CalendarSet
from infra.application.histories import LATEST
from infra.application.spans import Today
from infra.gc_tuning import rarely_collected
from infra.privacy.vault import Erasures, KeyFile, Vault
from infra.settings import Settings
from infra.store import open_log, open_log_to_read
from infra.store.clock import Clock, now
from infra.store.log import Log

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

    from msgspec import Struct

    from infra.application.dispatch import Dispatcher, Receipt
    from infra.application.questions import Text
    from infra.views import Answer, Explained, Views
    from projections.records.listing import Listing


class App:
    """An open installation: the one door in. Safe for threads."""

    def __init__(self, settings: Settings, log: Log, master: KeyFile | None = None, clock: Clock | None = None) -> None:
        """`clock`: the one that the log was opened with, where that is not the machine's."""
        self.settings, self.log, self.clock = settings, log, clock
        self.master = master or KeyFile(settings.key_path(log.identity), log.identity)
        self.tell: Callable[[str], None] = lambda _: None  # hears why tables are made anew
        self._erasures, self._own = Erasures(), local()
        self._idle: SimpleQueue[Dispatcher] = SimpleQueue()
        self._opening = Lock()
        self._views: Views | None = None
        self._folder: TemporaryDirectory[str] | None = None  # of tables that cannot be kept beside the log

    # What is asked for

    def execute(self, request: Request) -> "Receipt":
        """Do what one request asks, or raise why not."""
        (outcome,) = self.execute_all([request])
        if isinstance(outcome, PipelineError):
            raise outcome
        return outcome

    def execute_all(self, requests: Sequence[Request]) -> "list[Receipt | PipelineError]":
        """Do what several requests ask, in their order, with one append; one refused leaves the rest.

        A stream that an opening leaves unnamed gets a name, and an adjustment of the forecast the figure that it
        replaces. Raises Unavailable where the log cannot be reached.
        """
        try:
            dispatcher = self._idle.get_nowait()
        except Empty:
            dispatcher = self.dispatcher()
        outcomes = dispatcher.execute_all(requests)
        self._idle.put(dispatcher)  # one that raised is let go
        return outcomes

    def ask(self, metric: str, texts: "Mapping[str, Text]", forced: Collection[str] = ()) -> "Answer":
        """The answer to a question of a metric, its parts as people write them.

        forced: the parts that whoever asks did not say, whose values need not stand anywhere yet. Raises NotFound for
        a metric that there is not, and for a filter by what there is not; Malformed naming the part that it does not
        take.
        """
        from infra.application.questions import check_values, question  # commands do without SQL

        with self.views() as views:
            asked = question(self, texts)
            answer = views.ask(metric, asked)
            check_values(views, asked, forced)
            return answer

    def explain(self, metric: str, texts: "Mapping[str, Text]", forced: Collection[str] = ()) -> "Explained":
        """An answer with the rows behind each figure. Raises as `ask` does."""
        from infra.application.questions import check_values, question

        with self.views() as views:
            asked = question(self, texts)
            explained = views.explain(metric, asked)
            check_values(views, asked, forced)
            return explained

    def list(
        self, kind: str, texts: "Mapping[str, Text]", caller: str = "", veil: Callable[[Any], Any] | None = None
    ) -> "Listing":
        """A page of the records of a kind at a moment, what is asked for as people write it.

        Parts: the filters of the kind, known_at, effective_at, view, sort, limit, cursor, totals (yes or no), and
        convert_to and base_currency for deals. caller: who asks. veil: hides what is personal in an event, for who
        may not read that, and who then cannot look for names. Raises NotFound for a kind, a view or a value that there
        is not, Malformed naming the part.
        """
        from infra.application.records import list_of

        with self.views() as views:
            return list_of(self, views, kind, texts, caller, veil)

    def record(
        self, kind: str, stream: str, texts: "Mapping[str, Text]", veil: Callable[[Any], Any] | None = None
    ) -> "Struct":
        """One record with all that is known of it, and the version of its stream, at known_at and effective_at.

        Raises NotFound where there is none at the moment.
        """
        from infra.application.records import record_of

        with self.views() as views:
            return record_of(self, views, kind, stream, texts, veil)

    # What it is made of

    @property
    def vault(self) -> Vault:
        """The vault of this thread, to read with."""
        if not hasattr(self._own, "vault"):
            self._own.vault = self._new_vault()
        return self._own.vault

    def _new_vault(self) -> Vault:
        return Vault(self.master, self.log.keys, self._erasures)

    def dispatcher(self, cached: bool = False) -> "Dispatcher":
        """Whoever carries requests to their streams; a new log is given the process and the framework that ship."""
        from infra.application.dispatch import Dispatcher  # who only reads does without
        from infra.application.forecast_baseline import completed

        clock = self.clock
        dispatcher = Dispatcher(
            self.log, self._new_vault(), (lambda: instant(clock())) if clock else None, cached, partial(completed, self)
        )
        if self.log.head() == 0:
            from domain.reference.framework import BANT
            from domain.reference.process import STANDARD
            from infra.privacy.rotation import begin

            begin(self.log, dispatcher.vault)
            shipped = (("process-standard", STANDARD), ("framework-bant", BANT))
            dispatcher.execute_all(
                [Request(stream=stream, command=command, actor="dealtrail") for stream, command in shipped]
            )
        return dispatcher

    @contextmanager
    def bulk(self) -> "Generator[Dispatcher]":
        """A dispatcher for a job that appends very much: it keeps histories between its batches."""
        with rarely_collected():
            yield self.dispatcher(cached=True)

    def calendar(self, known_at: int = LATEST) -> CalendarSet:
        """The organisation's calendar as it was known at a position; UTC and years from January where none was set."""
        facts = self.log.facts([ORGANISATION], known_at).get(ORGANISATION, ())
        return History(ORGANISATION, BY_KIND["calendar"], facts).state or CalendarSet("UTC", 1)

    def zone(self, known_at: int = LATEST) -> tzinfo:
        """The organisation's zone, as known at a position."""
        name = self.calendar(known_at).zone
        try:
            return UTC if name == "UTC" else ZoneInfo(name)
        except (LookupError, ValueError, OSError) as error:
            raise Unavailable(f"{ORGANISATION}: this machine knows no zone {name!r}: {error}") from error

    def now(self) -> datetime:
        """What time it is, by the clock that the log was opened with."""
        return instant(self.clock()) if self.clock else datetime.now(UTC)

    def today(self) -> Today:
        """The day that it is in the organisation's zone, and the month in which its fiscal year starts."""
        return Today(self.now().astimezone(self.zone()).date(), self.calendar().fiscal_year_start)

    def open_views(self) -> "Views":
        """The projections as they stand, for who closes them again."""
        from infra.views import Views  # SQL expressions take their time to load: commands do without

        clock = self.clock or now
        if self.log.writable:
            return Views.open(self.settings.db, self.log, self.tell, clock)
        from tempfile import TemporaryDirectory

        self._folder = self._folder or TemporaryDirectory(prefix="dealtrail-")
        return Views.open_apart(self.settings.db, self._folder.name, self.log, clock)

    @contextmanager
    def views(self) -> Generator["Views"]:
        """The projections, caught up with the log; they stay open."""
        with self._opening:
            self._views = self._views or self.open_views()
        self._views.catch_up()
        yield self._views

    def close(self) -> None:
        """Let go of the tables; whoever opened the log closes it."""
        if self._views is not None:
            self._views.close()
        self._views = None
        if self._folder is not None:
            self._folder.cleanup()
        self._folder = None


@contextmanager
def opened(settings: Settings, clock: Clock | None = None) -> Generator[App]:
    """An installation, closed again when done.

    `clock`: in the place of the machine's, for what is decided and for the time of recording; nobody has to confirm it.
    """
    log = open_log(settings.db, None if clock else settings.clock_ahead, clock)
    app = App(settings, log, clock=clock)
    try:
        yield app
    finally:
        app.close()
        log.close()


@contextmanager
def opened_to_read(settings: Settings) -> Generator[App]:
    """An installation whose log is there, to be read alone, closed again when done."""
    log = open_log_to_read(settings.db)
    app = App(settings, log)
    try:
        yield app
    finally:
        app.close()
        log.close()
