"""A question as people write it becomes a question of a metric: moments are read, periods bounded."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from domain.errors import Malformed
from domain.recorded import micros
from infra.application.moments import (
    Installation,
    at,
    day_end,
    day_start,
    duration,
    first_day,
    last_day,
    moment_known,
    position,
)
from infra.application.spans import span
from projections.query.question import Question

if TYPE_CHECKING:
    from infra.views import Views

Text = str | Sequence[str]
"""A part of a question as it is written; `by` is several."""


def check_values(views: "Views", asked: Question, forced: Collection[str] = ()) -> None:
    """Raise NotFound for a filter whose value stands nowhere, with those there are; `forced` ones nobody said."""
    from infra.views.filters import check_filters

    with views.reading() as snapshot:
        check_filters(snapshot, asked, forced)


def question(app: Installation, texts: Mapping[str, Text]) -> Question:
    """The question that texts by field make: positions or times, and days in the organisation's zone.

    The zone is the one known at the question's position, and the instant, where it is left out, that at which the
    position was recorded, or the time that was given for it: so an answer at a position is for ever the same. Where
    neither is given, it is asked for now. Raises Malformed naming the field.
    """
    parts: dict[str, Any] = {}
    zone = app.zone()
    if known := texts.get("known_at"):
        text = single("known_at", known)
        parts["known_at"] = position(app, text)
        parts["effective_at"] = moment_known(app, text)
        zone = app.zone(parts["known_at"])
    for field, written in texts.items():
        if field not in Question.__struct_fields__:
            raise Malformed(f"{field}: a question has no such part; there are {', '.join(Question.__struct_fields__)}")
        if field == "by":
            parts[field] = (written,) if isinstance(written, str) else tuple(written)
            continue
        text = single(field, written)
        match field:
            case "known_at":
                pass
            case "known_before":
                parts[field] = position(app, text, field)
            case "effective_at":
                parts[field] = at(app, field, text, zone)
            case "since":
                parts[field] = micros(day_start(first_day(app, field, text), zone))
            case "until":
                parts[field] = micros(day_end(last_day(app, field, text), zone)) + 1
            case "closes_since" | "closes_until":
                days = span(text, app.today, ahead=True)
                parts[field] = text if days is None else str(days.first if field == "closes_since" else days.last)
            case "within":
                parts[field] = duration(field, text)
            case _:
                parts[field] = text
    return Question(**parts)


def single(field: str, written: Text) -> str:
    """The one text of a part. Raises Malformed where there are several."""
    if not isinstance(written, str):
        raise Malformed(f"{field}: say one, not {len(written)}")
    return written
