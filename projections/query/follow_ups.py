"""What is due on the open deals, and when somebody last spoke with the prospect, at some moments."""

from bisect import bisect_right
from typing import Any, NamedTuple

from sqlalchemy import select

from projections.query.metric import Query
from projections.query.selection import status_is
from projections.query.tables import FOLLOW_UPS, known


class Due(NamedTuple):
    """What stands of a deal; the fields mean what they mean in `follow_ups.FollowUp`."""

    contacts: int = 0
    last_contact: int = 0
    step: int = 0
    step_due: str = ""
    activity_due: str = ""


NOTHING = Due()


class FollowUps:
    """The follow-up of every open deal, at any moment from the question's first to its last."""

    def __init__(self, asked: Query) -> None:
        f, moments = FOLLOW_UPS.c, asked.moments
        self._since: dict[str, list[int]] = {}
        self._due: dict[str, list[Due]] = {}
        if not moments:
            return
        columns: list[Any] = [f.stream, f.effective_from, *(f[name] for name in Due._fields)]
        there = known(FOLLOW_UPS, asked.question.known_at), status_is(FOLLOW_UPS, "open")
        chosen = select(*columns).where(*there, f.effective_to > moments[0], f.effective_from <= moments[-1])
        for stream, since, *due in sorted(asked.select(chosen.where(f.effective_to > f.effective_from)), key=_in_time):
            self._since.setdefault(stream, []).append(since)
            self._due.setdefault(stream, []).append(Due(*due))

    def at(self, stream: str, moment: int) -> Due:
        """The follow-up of a deal at a moment."""
        since = self._since.get(stream)
        number = bisect_right(since, moment) if since else 0
        return self._due[stream][number - 1] if number else NOTHING


def _in_time(row: Any) -> tuple[str, int]:
    return row[0], row[1]
