"""How a consumer of several partitions knows that it has everything up to a position of the log."""

from collections.abc import Mapping

from msgspec import Struct


class Watermark(Struct, frozen=True):
    """A message of the topic of positions: the log is published up to `position`.

    offsets: by topic and partition, the offset that came next then, 0 being left out. Who has read each partition up
    to there has every event up to the position; it may have later ones too. log: the identity of the log.
    """

    position: int
    offsets: dict[str, dict[int, int]]
    log: str = ""

    def reached(self, offsets: Mapping[tuple[str, int], int]) -> bool:
        """Whether a consumer with these next offsets, by (topic, partition), has everything."""
        wanted = ((topic, number, at) for topic, parts in self.offsets.items() for number, at in parts.items())
        return all(offsets.get((topic, number), 0) >= at for topic, number, at in wanted)
