"""A rehearsal: everything is decided as if it were for good, and nothing is written."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

from domain import kind
from domain.correction import as_fact
from domain.recorded import Fact
from infra.application.app import App
from infra.privacy.vault import KeyFile, MasterKey
from infra.store import Log
from infra.store.codec import decode
from infra.store.log import Append, Appended

MANY = ("opportunity", "lead")  # kinds of which an import brings too many to keep; each is told in one go


class Rehearsal:
    """A log that reads like the one behind it, and forgets what is appended, except how many facts of each type.

    It keeps what several deals share, such as processes and customers, so that later decisions find it.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._shared: dict[str, list[Fact]] = {}
        self._position = log.head()
        self.types = Counter[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def append(self, append: Append) -> Appended:
        """Count it, and let it go."""
        first = self._position + 1
        for draft in append.drafts:
            self._position += 1
            self.types[draft.tag] += 1
            if kind(draft.stream) not in MANY:
                event = decode(draft.tag, draft.body)
                fact = as_fact(self._position, draft.stream, draft.version, draft.tag, draft.occurred_at, event)
                self._shared.setdefault(draft.stream, []).append(fact)
        return Appended(range(first, self._position + 1), 0)

    def facts(self, streams: Sequence[str], upto: int) -> dict[str, list[Fact]]:
        """Those of the log, and after them those rehearsed."""
        found = self._log.facts(streams, upto)
        shared = {stream: self._shared[stream] for stream in streams if stream in self._shared}
        return found | {stream: [*found.get(stream, ()), *facts] for stream, facts in shared.items()}


class Scratch:
    """A master key that reads what the true one wrapped, and wraps nothing: what is rehearsed is never stored."""

    def __init__(self, master: MasterKey) -> None:
        self._master = master

    def __getattr__(self, name: str) -> Any:
        return getattr(self._master, name)

    def wrap(self, *_: Any) -> bytes:
        """Nothing, in place of a wrapped key."""
        return b""

    def establish(self) -> bytes:
        """A name of no key: none is made for a rehearsal."""
        return b"rehearsal"


def rehearsing(app: App) -> tuple[App, Rehearsal]:
    """An installation that writes nothing, beside a true one, and its log."""
    log = Rehearsal(app.log)
    return App(app.settings, cast("Log", log), cast("KeyFile", Scratch(app.master))), log
