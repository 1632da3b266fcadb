"""Why a figure is what it is: the rows behind it, and those that count nowhere with the reason."""

from collections.abc import Iterator
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import literal, select

from domain.money import from_minor_units
from projections.query.attribution import Attribution
from projections.query.metric import Metric, Origin, Part, Query, Result, compute
from projections.query.selection import at_moment
from projections.query.tables import table_of
from projections.versions import END


class Behind(Struct, frozen=True):
    """A row behind a figure: the state that the fact of `version` began, and what it adds, amounts in the currency.

    known_from: the position at which the row came to be known as it is; the fact's own, unless a later one came
    between, or corrected it.
    """

    stream: str
    version: int
    known_from: int
    adds: dict[str, Any]


class LeftOut(Struct, frozen=True):
    """A row that counts nowhere in the answer, and why."""

    stream: str
    version: int
    known_from: int
    reason: str


@runtime_checkable
class Timed(Protocol):
    """The measures of one row that hold durations, which they say by name in the unit of their metric."""

    def explained(self) -> dict[str, Any]:
        """The measures by name."""
        ...


def behind(part: Part) -> Behind:
    """The row of a part that was asked for with rows apart; sizes that only a median is taken of are no figure."""
    origin = part.origin or Origin("", 0, 0)
    measures = part.measures.explained() if isinstance(part.measures, Timed) else part.measures._asdict()
    adds = {
        name: from_minor_units(value, part.currency) if name.endswith("amount") and value is not None else value
        for name, value in measures.items()
        if not isinstance(value, tuple)
    }
    return Behind(*origin, adds)


def left_out(metric: Metric, asked: Query, answer: Result) -> Iterator[LeftOut]:
    """The rows that filters other than the currency let through, as they stood at the moment, and that do not count.

    late: counted as things are known today, but recorded after the question's position. Of what is grouped by period
    only what the metric itself leaves out.
    """
    told = {part.origin.stream for figure in answer.figures for part in figure.parts if part.origin}
    for part in answer.left_out:
        if part.origin and part.origin.stream not in told:
            told.add(part.origin.stream)
            yield LeftOut(*part.origin, part.left_out)
    question, table = asked.question, table_of(metric.of)
    whose = Attribution(asked._replace(question=replace(question, currency=None, by=())), table)
    currency = table.c.currency if "currency" in table.c else literal("")  # which leads have none of
    columns = (table.c.stream, table.c.version, table.c.known_from, table.c.status, currency)
    standing = select(*columns, *whose.columns).where(at_moment(table, asked), *whose.conditions)
    for stream, version, known_from, status, held, *of in asked.select(standing.order_by(table.c.stream)):
        if stream not in told and whose.divided(of):
            told.add(stream)
            yield LeftOut(stream, version, known_from, why(question.currency, status, held))
    if question.known_at < END:
        # of the same moment, after which something may have happened that was not known of by the position
        today = asked._replace(question=replace(question, known_at=END, effective_at=asked.moment), apart=True)
        for figure in compute(metric, today).figures:
            for part in figure.parts:
                if part.origin and part.origin.stream not in told:
                    told.add(part.origin.stream)
                    yield LeftOut(*part.origin, f"late: recorded after position {question.known_at}")


def why(asked_for: str | None, status: str, currency: str) -> str:
    """Why a deal or a lead that stood so counts nowhere."""
    if status in ("merged", "deleted"):
        return status
    if asked_for not in (None, currency):
        return f"wrong currency: {currency}"
    return f"{status}, and not what is counted"
