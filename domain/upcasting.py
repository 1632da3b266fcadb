"""Retired event shapes: how each old tag's JSON becomes today's, so that old history never has to be rewritten."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct


class Retired(NamedTuple):
    """A shape in which nothing is written any more: the struct that it was, and the kinds of streams that hold it."""

    shape: type[Struct]
    kinds: tuple[str, ...]


UPCASTS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""By retired tag: from the stored object to one whose `type` is a later tag."""

RETIRED: Final[Mapping[str, Retired]] = {}
"""By the same tags: what their schemas are made from, for whoever reads the old messages of a topic."""
