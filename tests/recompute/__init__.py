"""Every number once more, from the events as they are stored: the plainest way, sharing no code with the rest.

What a metric means is told in its own docstring and in docs; this is a second reading of it. Histories are small
here, so nothing is quick: deals are folded for every question, and each group and period is gone through by itself.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from tests.recompute import asking
from tests.recompute.asking import Answer, Recomputed, World
from tests.recompute.fold import Raw

METRICS: dict[str, Recomputed] = {}
for module in iter_modules(__path__):
    METRICS |= getattr(import_module(f"{__name__}.{module.name}"), "METRICS", {})


def recomputed(metric: str, world: World, question: Any) -> Answer:
    """The answer to a question, which names its mode."""
    return asking.answer(METRICS[metric], world, question)


__all__ = ["METRICS", "Answer", "Raw", "Recomputed", "World", "recomputed"]
