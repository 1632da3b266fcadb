"""What becomes of requests."""

from collections.abc import Mapping
from typing import NamedTuple

from domain.errors import PipelineError


class Receipt(NamedTuple):
    """What a request led to: the (stream, version) of each fact, none where all was true already.

    `position` is that of the last fact, 0 for none; `repeated` says that the command id had been answered before.
    `types` are those of the facts, in their order; `warnings` what whoever asked should know of besides, and `others`
    the record that each of these names.
    """

    stream: str
    facts: tuple[tuple[str, int], ...]
    position: int = 0
    repeated: bool = False
    types: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def completed(self, positions: Mapping[tuple[str, int], int], types: Mapping[tuple[str, int], str]) -> "Receipt":
        """The receipt with its position, of those that an append gave, and the types of its facts."""
        position = max((positions.get(fact, 0) for fact in self.facts), default=0)
        return self._replace(position=position, types=tuple(types[fact] for fact in self.facts))


Outcome = list[Receipt] | PipelineError
"""What became of a group of requests: all of it, or why nothing."""
