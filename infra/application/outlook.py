"""What forecasts and features are made with, and what no deal owns, read at one position."""

from importlib import import_module

from domain.errors import Unavailable
from infra.application.app import App
from projections.query.references import References


def check_numpy() -> None:
    """Raise Unavailable where what forecasts are computed with is missing."""
    try:
        import_module("numpy")
    except ImportError:
        raise Unavailable("forecast: it needs numpy: pip install 'dealtrail[forecast]'") from None


def read_references(app: App, upto: int | None = None) -> tuple[int, References]:
    """A position, by default the log's last, and what no deal owns, as known there."""
    with app.views() as views:
        position = views.position() if upto is None else min(upto, views.position())
        return position, views.references(position)
