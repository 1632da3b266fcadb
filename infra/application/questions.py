"""A question as people write it becomes a question of a metric: moments are read, periods bounded."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from domain.errors import Malformed
from domain.recorded import micros
from infra.application.moments import Installation, at, day_end, day_start, first_day, last_day, position
from infra.application.spans import span
from projections.query.question import Question

if TYPE_CHECKING:
    from infra.views import Views

Text = str | Sequence[str]
"""A part of a question as it is written; `by` is several."""


def check_values(views: "Views", asked: Question) -> None:
    """Raise NotFound for a filter whose value stands nowhere, with those there are."""
    from infra.views.filters import check_filters

    with views.reading() as snapshot:
        check_filters(snapshot, asked)


def question(app: Installation, texts: Mapping[str, Text]) -> Question:
    """The question that texts by field make: days and times in the organisation's zone, positions or times.

    Raises Malformed naming the field.
    """
    parts: dict[str, Any] = {}
    for field, text in texts.items():
        if field not in Question.__struct_fields__:
            raise Malformed(f"{field}: a question has no such part; there are {', '.join(Question.__struct_fields__)}")
        if field == "by":
            parts[field] = (text,) if isinstance(text, str) else tuple(text)
        elif not isinstance(text, str):
            raise Malformed(f"{field}: say one, not {len(text)}")
        elif field in ("known_at", "known_before"):
            parts[field] = position(app, text, field)
        elif field == "effective_at":
            parts[field] = at(app, field, text)
        elif field == "since":
            parts[field] = micros(day_start(first_day(app, field, text), app.zone()))
        elif field == "until":
            parts[field] = micros(day_end(last_day(app, field, text), app.zone())) + 1
        elif field in ("closes_since", "closes_until"):
            days = span(text, app.today, ahead=True)
            parts[field] = text if days is None else str(days.first if field == "closes_since" else days.last)
        else:
            parts[field] = text
    return Question(**parts)
