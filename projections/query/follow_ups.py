"""What is due on the open deals, and when somebody last spoke with the prospect, at some moments."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
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
    """The follow-up of every open deal at the moments of a question."""

    def __init__(self, asked: Query) -> None:
        f, moments = FOLLOW_UPS.c, asked.moments
        self._since: dict[str, list[int]] = {}  # the numbers of the moments from which on each stands
        self._due: dict[str, list[Due]] = {}
        if not moments:
            return
        columns: list[Any] = [f.stream, f.effective_from, *(f[name] for name in Due._fields)]
        there = known(FOLLOW_UPS, asked.question.known_at), status_is(FOLLOW_UPS, "open")
        chosen = select(*columns).where(*there, f.effective_to > moments[0], f.effective_from <= moments[-1])
        alike: dict[tuple[Any, ...], Due] = {}
        for stream, since, *due in sorted(asked.select(chosen.where(f.effective_to > f.effective_from)), key=_in_time):
            self._since.setdefault(stream, []).append(bisect_left(moments, since))
            stands = alike.setdefault(tuple(due), Due(*due))
            self._due.setdefault(stream, []).append(stands)

    def over(self, stream: str, numbers: range) -> Sequence[tuple[range, Due]]:
        """The follow-up of a deal at some moments, with the numbers of those at which each stood."""
        since = self._since.get(stream)
        if since is None:
            return ((numbers, NOTHING),)
        due, place = self._due[stream], bisect_right(since, numbers.start)
        if place == len(since):
            return ((numbers, due[place - 1]),)
        found: list[tuple[range, Due]] = []
        for number in range(place, len(since) + 1):
            begins = since[number - 1] if number > place else numbers.start
            ends = min(since[number], numbers.stop) if number < len(since) else numbers.stop
            if begins < ends:
                found.append((range(begins, ends), due[number - 1] if number else NOTHING))
        return found


def _in_time(row: Any) -> tuple[str, int]:
    return row[0], row[1]
