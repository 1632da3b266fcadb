"""A question as people write it becomes a question of a metric: moments are read, periods bounded."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.errors import Malformed
from domain.recorded import micros
from infra.application.moments import Installation, day, day_end, day_start, duration, moment, moment_known, position
from projections.query.question import Question

Text = str | Sequence[str]
"""A part of a question as it is written; `by` is several."""


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
                parts[field] = micros(moment(field, text, zone))
            case "since":
                parts[field] = micros(day_start(day(field, text), zone))
            case "until":
                parts[field] = micros(day_end(day(field, text), zone)) + 1
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
