"""The metrics, one module each: whatever `METRICS` a module here has is asked for by its name.

One that several metrics share, and a part of a metric, have none.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from projections.query.metric import Metric


def metrics() -> Iterator[Metric]:
    """Every metric, in the order of the modules' names."""
    for module in iter_modules(__path__):
        yield from getattr(import_module(f"{__name__}.{module.name}"), "METRICS", ())
