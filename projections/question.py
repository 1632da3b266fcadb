"""A question about the pipeline: which number, at which moment, of which deals, over which period."""

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Select

from domain.errors import Malformed
from projections.versions import END, Projection

Asked = Select[*tuple[Any, ...]]
"""A select of any columns."""


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of a metric.

    known_at: a log position, END for all that is known. effective_at: microseconds since 1970 UTC, END for the
    latest. pipeline (a process's stream), owner, product, source, currency: the deals that stand so at that moment;
    None for any. since (inclusive) and until (exclusive): microseconds, where the metric has a period. mode: one of
    the metric's, its first where empty.
    """

    known_at: int = END
    effective_at: int = END
    pipeline: str | None = None
    owner: str | None = None
    product: str | None = None
    source: str | None = None
    currency: str | None = None
    since: int | None = None
    until: int | None = None
    mode: str = ""


class Reading(NamedTuple):
    """How a question is answered: what to select, and what the rows of each select, in order, come to."""

    selects: tuple[Asked, ...]
    records: Callable[..., list[Any]]


class Metric(NamedTuple):
    """A number with its name. `version` rises when the definition changes, which is the docstring of `read`."""

    name: str
    version: int
    read: Callable[[Question], Reading]
    tables: tuple[Projection, ...]
    modes: tuple[str, ...] = ()
    period: bool = False

    @property
    def definition(self) -> str:
        """What the number means, with its unit and its source."""
        return self.read.__doc__ or ""

    def checked(self, question: Question) -> Question:
        """The question with its mode filled in, or Malformed where this metric cannot be asked so."""
        mode = question.mode or (self.modes[0] if self.modes else "")
        if mode and mode not in self.modes:
            raise Malformed(f"mode: {self.name} has {', '.join(self.modes) or 'no modes'}, not {mode!r}")
        since, until = question.since, question.until
        if not self.period and (since is not None or until is not None):
            raise Malformed(f"since, until: {self.name} is asked at a moment, it has no period")
        if since is not None and until is not None and since >= until:
            raise Malformed("since: a period begins before it ends")
        return replace(question, mode=mode)
