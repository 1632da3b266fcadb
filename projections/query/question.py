"""A question about the pipeline: which number, at which moment, of which deals, over which period."""

from msgspec import Struct

from projections.versions import END

DIMENSIONS = ("pipeline", "owner", "team", "product", "source", "currency")
PERIODS = ("week", "month", "quarter")


THEN, MOMENT = "then", "moment"
ATTRIBUTIONS = (THEN, MOMENT)


class Question(Struct, frozen=True, kw_only=True):
    """What is asked of a metric.

    known_at: a log position, END for all that is known.
    effective_at: microseconds since 1970 UTC; END for now, by the clock.
    pipeline (a process's stream), owner, team (a stream), product, source, currency: only what is of these; None for
      any, empty for what has none.
    since (inclusive) and until (exclusive): microseconds, where the metric has a period.
    by: what to group by, of DIMENSIONS and PERIODS; where the metric has no period of its own, by the ends of these.
    convert_to: the currency that every amount is turned into, by the rate of its day. base_currency: the one through
      which that is done where two have no rate.
    attribute: whether what happened counts for who and what it belonged to then, which is the default, or at the
    moment.
    mode, cohort: of the metric's, its first where empty. stage: for a metric about one stage.
    closes_since and closes_until: the deals that are to close on one of these days, ISO 8601, both included.
    known_before: the position to compare with, for a metric that does.
    within: a time in microseconds, for a metric that judges by one.
    """

    known_at: int = END
    effective_at: int = END
    pipeline: str | None = None
    owner: str | None = None
    team: str | None = None
    product: str | None = None
    source: str | None = None
    currency: str | None = None
    since: int | None = None
    until: int | None = None
    by: tuple[str, ...] = ()
    convert_to: str | None = None
    base_currency: str | None = None
    attribute: str = ""
    mode: str = ""
    cohort: str = ""
    stage: str | None = None
    closes_since: str | None = None
    closes_until: str | None = None
    known_before: int | None = None
    within: int | None = None
