"""How a log stands under its lock, while a group of appends is decided in memory."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.errors import Conflict
from infra.store.log import ERASED, INDEX, Append

LAST = ""  # no stream's name


class Current(NamedTuple):
    """What a group of appends finds under the lock, and what the ones before add to it.

    keys: those looked at, as they stand; `news` those of them that change, `tokens` what is looked up by from now on,
    `erased` the subjects whose tokens go.
    """

    heads: dict[str, int]  # with the last time of recording, under LAST
    answers: set[tuple[str, str]]
    keys: dict[str, bytes]
    news: dict[str, bytes]
    tokens: dict[tuple[bytes, str], None]
    erased: set[str]

    def conflict(self, append: Append, expected: Sequence[tuple[str, int]]) -> Conflict | None:
        """What another writer changed or stored first."""
        for stream, version in expected:
            if self.heads[stream] != version:
                return Conflict(stream, version, self.heads[stream])
        for asked in append.answers:
            if asked in self.answers:
                return Conflict(f"the answer to command {asked[1]}", 0, 1)
        for subject in append.keys:
            if subject in self.keys and subject not in append.standing:
                return Conflict(f"the key of {subject}", 0, 1)
        for subject, stored in append.standing.items():
            if self.keys.get(subject) != stored:
                return Conflict(f"the key of {subject}", 0, 1)
        return None

    def accept(self, append: Append) -> None:
        """The later ones of the group find what this one stores."""
        self.heads.update((draft.stream, draft.version) for draft in append.drafts)
        self.answers.update(append.answers)
        changed = {**append.keys, **dict.fromkeys(append.erase, ERASED)}
        self.keys.update(changed)
        self.news.update(changed)
        self.tokens.update(dict.fromkeys(append.tokens))
        if append.erase:
            self.erased.update(append.erase)
            kept = [] if INDEX in append.erase else [pair for pair in self.tokens if pair[1] not in append.erase]
            self.tokens.clear()
            self.tokens.update(dict.fromkeys(kept))
