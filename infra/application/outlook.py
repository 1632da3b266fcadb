"""What a forecast is made of: the deals of the log as they could be known, read at one position."""

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from domain.errors import Malformed, NotFound, Unavailable
from domain.opportunity import OpportunityOpened
from domain.recorded import Fact
from infra.application.app import App
from projections.query.references import References

DEALS = "opportunity"


def check_numpy() -> None:
    """Raise Unavailable where what forecasts are computed with is missing."""
    try:
        import_module("numpy")
    except ImportError:
        raise Unavailable("forecast: it needs numpy: pip install 'dealtrail[forecast]'") from None


class Read(NamedTuple):
    """The facts of every deal up to a position, and what no deal owns, as known there."""

    position: int
    histories: list[list[Fact]]
    references: References


def read_references(app: App, upto: int | None = None) -> tuple[int, References]:
    """A position, by default the log's last, and what no deal owns, as known there."""
    with app.views() as views:
        position = views.position() if upto is None else min(upto, views.position())
        return position, views.references(position)


def read_deals(app: App, upto: int | None = None) -> Read:
    """Everything that the log tells of deals, up to a position, by default its last. Raises NotFound without any."""
    position, references = read_references(app, upto)
    histories = [*app.log.scan_kind(DEALS, position)]
    if not histories:
        raise NotFound("opportunities: none is known yet, so there is nothing to learn from")
    return Read(position, histories, references)


def shared_currency(histories: Sequence[Sequence[Fact]]) -> str:
    """The currency that all deals were opened in. Raises Malformed where there are several."""
    opened = {
        fact.event.amount.currency for of in histories for fact in of if isinstance(fact.event, OpportunityOpened)
    }
    if len(opened) != 1:
        raise Malformed(f"convert_to: the deals are in {', '.join(sorted(opened))}: say in which currency to answer")
    return opened.pop()
