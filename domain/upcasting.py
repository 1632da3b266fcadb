"""Retired event shapes: how each old tag's JSON becomes today's, so that old history never has to be rewritten."""

from collections.abc import Callable, Mapping
from typing import Any, Final

UPCASTS: Final[Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {}
"""By retired tag: from the stored object to one whose `type` is a later tag."""
