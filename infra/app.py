"""Puts the parts together: a log, the vault over it, who dispatches, and the views that follow."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from domain import BY_KIND
from domain.calendar import ORGANISATION
from domain.errors import Unavailable
from domain.framework import BANT
from domain.history import History
from domain.process import STANDARD
from domain.recorded import Fact, Request
from infra.dispatch import LATEST, Dispatcher, Receipt
from infra.garbage import rarely_collected
from infra.keys import KeyFile, Vault
from infra.settings import Settings
from infra.store import open_log
from infra.store.log import Log

if TYPE_CHECKING:
    from infra.views import Views


class App:
    """An open installation."""

    def __init__(self, settings: Settings, log: Log) -> None:
        self.settings, self.log = settings, log
        self.master = KeyFile(settings.key_path)
        self.vault = Vault(self.master, log.keys)
        self.tell: Callable[[str], None] = lambda _: None  # hears why tables are made anew

    def dispatcher(self, cached: bool = False) -> Dispatcher:
        """Whoever carries requests to their streams; a new log is given the process and the framework that ship."""
        dispatcher = Dispatcher(self.log, self.vault, cached=cached)
        if self.log.head() == 0:
            shipped = (("process-standard", STANDARD), ("framework-bant", BANT))
            dispatcher.execute_all(
                [Request(stream=stream, command=command, actor="dealtrail") for stream, command in shipped]
            )
        return dispatcher

    @contextmanager
    def bulk(self) -> Generator[Dispatcher]:
        """A dispatcher for a job that appends very much: it keeps histories between its batches."""
        with rarely_collected():
            yield self.dispatcher(cached=True)

    def facts(self, receipt: Receipt) -> list[Fact]:
        """The facts that a receipt names."""
        found = self.log.facts([stream for stream, _ in receipt.facts], LATEST)
        return [found[stream][version - 1] for stream, version in receipt.facts]

    def zone(self) -> tzinfo:
        """The organisation's zone, by the calendar as it stands now; UTC where none was set."""
        facts = self.log.facts([ORGANISATION], LATEST).get(ORGANISATION, ())
        calendar = History(ORGANISATION, BY_KIND["calendar"], facts).state
        if calendar is None:
            return UTC
        try:
            return ZoneInfo(calendar.zone)
        except (LookupError, ValueError, OSError) as error:
            raise Unavailable(f"{ORGANISATION}: this machine knows no zone {calendar.zone!r}: {error}") from error

    def open_views(self) -> "Views":
        """The projections as they stand."""
        from infra.views import Views  # SQL expressions take their time to load: commands do without

        return Views.open(self.settings.db, self.log, self.tell)

    @contextmanager
    def views(self) -> Generator["Views"]:
        """The projections, caught up with the log."""
        with self.open_views() as views:
            views.catch_up()
            yield views


@contextmanager
def opened(settings: Settings) -> Generator[App]:
    """An installation, closed again when done."""
    log = open_log(settings.db)
    try:
        yield App(settings, log)
    finally:
        log.close()
