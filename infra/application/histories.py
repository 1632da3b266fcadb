"""The histories that decisions are made on, brought up to date with the log and read with the keys that are there."""

from collections import OrderedDict
from collections.abc import Iterable

from domain import BY_KIND, kind
from domain.history import History
from domain.recorded import Fact
from infra.privacy.vault import Vault
from infra.store.log import Log

LATEST = 2**63 - 1  # a position that no log reaches
HELD = 20_000  # histories kept between the batches of a bulk job


class Histories:
    """Streams as decisions see them. May be used by one thread at a time.

    `cached` keeps them between batches as they were decided on: for bulk jobs. Otherwise each is brought up to date
    before it is used. Every version that a decision saw is asserted by the append, so that a stale one shows.
    """

    def __init__(self, log: Log, vault: Vault, cached: bool = False) -> None:
        self.log, self.vault, self.cached = log, vault, cached
        self._histories: OrderedDict[str, History] = OrderedDict()
        self._current: set[str] = set()  # those that were looked up since the last update

    def update(self) -> None:
        """From here on a history is brought up to date before it is used; none is kept that shows who was erased."""
        if self.cached:
            return
        if self.vault.is_outdated:
            self.vault.refresh()
            self._histories.clear()
        self._current.clear()

    def load(self, streams: Iterable[str]) -> None:
        """Fetch the histories of several streams at once, or what came to them since they were last looked at."""
        wanted = [stream for stream in dict.fromkeys(streams) if stream not in self._current]
        missing = [stream for stream in wanted if stream not in self._histories]
        if missing:
            facts = self.log.facts(missing, LATEST)
            for stream in missing:
                self._histories[stream] = History(stream, BY_KIND[kind(stream)], self._opened(facts.get(stream, ())))
        known = {stream: self._histories[stream].version for stream in wanted if stream not in missing}
        if known and not self.cached:
            for stream, later in self.log.facts_after(known).items():
                self._histories[stream].follow(self._opened(later))
        if not self.cached:
            self._current.update(wanted)

    def __getitem__(self, stream: str) -> History:
        """The history of one stream."""
        if stream not in (self._histories if self.cached else self._current):
            self.load([stream])
        self._histories.move_to_end(stream)
        return self._histories[stream]

    def trim(self, held: int = HELD) -> None:
        """Let go of the histories that were not asked for in the longest time."""
        while len(self._histories) > held:
            self._current.discard(self._histories.popitem(last=False)[0])

    def discard(self, stream: str) -> None:
        """Let go of one history."""
        self._histories.pop(stream, None)

    def clear(self) -> None:
        """Let go of all: they may hold facts that the log does not."""
        self._histories.clear()

    def _opened(self, facts: Iterable[Fact]) -> list[Fact]:
        """Facts of which the personal fields can be read, as far as their keys are there."""
        return [fact._replace(event=self.vault.open(fact.stream, fact.event)) for fact in facts]
