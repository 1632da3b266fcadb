"""Whether the service is well: it runs at all, and it can be asked now."""

from threading import Lock
from typing import TYPE_CHECKING

from msgspec import Struct

from domain.errors import PipelineError
from infra.application.app import App
from infra.control import Control, control_to_read

if TYPE_CHECKING:
    from infra.views import Views

OK = "ok"


class Alive(Struct, frozen=True):
    """The process answers: whoever restarts it on no answer need not."""

    status: str = OK


class Readiness(Struct, frozen=True):
    """Whether callers should be sent here. lag: facts that the tables are behind the log, -1 where nobody can tell.

    database, tables, control: `ok`, or in few words why not; what the database itself says is in the log, because it
    may name users and hosts.
    """

    ready: bool
    database: str
    tables: str
    control: str
    position: int
    lag: int


class Health:
    """Looks at an installation with tables of its own, which it never brings up to date: so a lag shows.

    Safe for threads, one look at a time.
    """

    def __init__(self, app: App) -> None:
        self._app, self._lock = app, Lock()
        self._views: Views | None = None
        self._control: Control | None = None

    def alive(self) -> Alive:
        """The process answers."""
        return Alive()

    def readiness(self) -> Readiness:
        """Whether the database answers, the tables are of this version and this log, and near enough behind it."""
        with self._lock:
            return self._look(self._app.settings.service.lag)

    def _look(self, bound: int) -> Readiness:
        head, database = self._head()
        reached, tables = self._reached() if head >= 0 else (-1, "not looked at")
        lag = max(0, head - reached) if reached >= 0 else -1
        if tables == OK and lag > bound:
            tables = f"more than {bound} facts behind"
        control = self._control_state() if self._app.settings.service.keys else OK
        ready = database == tables == control == OK
        return Readiness(ready, database, tables, control, max(head, 0), lag)

    def _head(self) -> tuple[int, str]:
        try:
            return self._app.log.head(), OK
        except PipelineError as error:
            return -1, f"{type(error).__name__}: the log cannot be read"

    def _reached(self) -> tuple[int, str]:
        try:
            self._views = self._views or self._app.open_views()
            return self._views.position(), OK
        except PipelineError as error:  # Gone, Astray, or the database
            return -1, REASONS.get(type(error).__name__, "the tables cannot be read")

    def _control_state(self) -> str:
        try:
            self._control = self._control or control_to_read(self._app.settings.db, self._app.log.identity())
            if self._control is None:
                return "there are none: no key opens anything"
            self._control.applied()
        except PipelineError:
            return "the control tables cannot be read"
        return OK

    def close(self) -> None:
        """Let go of the tables."""
        for each in (self._views, self._control):
            if each is not None:
                each.close()
        self._views = self._control = None


REASONS = {
    "Gone": "there are none of this version yet: they are being made",
    "Astray": "they were made from another log, or another state of it: they are being made anew",
}
