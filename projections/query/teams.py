"""Who was in which team, along an axis: by instants, or by positions of the log."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from projections.versions import END

NOBODYS = ""
"""The team of who is in none."""


class Membership(NamedTuple):
    """A seller in a team from one moment of an axis until another, which is not included."""

    owner: str
    team: str
    since: int
    until: int


class Stretch(NamedTuple):
    """From a moment on, until the next stretch begins, a seller's team; empty for none."""

    since: int
    team: str


class Teams:
    """Each seller's team at any moment.

    Somebody in two counts for the first by name of its stream. Before a seller's first known membership that one
    counts, because history that is imported is older than the teams that were set up for it.
    """

    def __init__(self, known: Iterable[Membership] = ()) -> None:
        of: dict[str, list[Membership]] = {}
        for membership in known:
            of.setdefault(membership.owner, []).append(membership)
        self.stretches: Mapping[str, Sequence[Stretch]] = {owner: stretches(each) for owner, each in of.items()}
        self._turns = {owner: [each.since for each in found[1:]] for owner, found in self.stretches.items()}
        self.turning: Sequence[int] = sorted({turn for turns in self._turns.values() for turn in turns})
        """The moments at which anybody changes teams."""

    def at(self, owner: str, moment: int) -> str:
        """A seller's team at a moment."""
        found = self.stretches.get(owner)
        return found[bisect_right(self._turns[owner], moment)].team if found else NOBODYS

    def turns(self, owner: str, after: int, upto: int) -> Sequence[int]:
        """The moments at which a seller changes teams."""
        turns = self._turns.get(owner, [])
        return turns[bisect_right(turns, after) : bisect_right(turns, upto)]

    def turned(self, after: int, upto: int) -> list[str]:
        """The sellers who change teams between two moments."""
        return [owner for owner in self._turns if self.turns(owner, after, upto)]

    def members(self, team: str) -> list[str]:
        """Who was ever in a team."""
        return sorted(owner for owner, of in self.stretches.items() if any(each.team == team for each in of))


def stretches(of: Sequence[Membership]) -> list[Stretch]:
    """One seller's teams, one after the other; the first is without beginning."""
    found: list[Stretch] = []
    for moment in sorted({each for membership in of for each in membership[2:]} - {END}):
        team = min((each.team for each in of if each.since <= moment < each.until), default=NOBODYS)
        if not found or found[-1].team != team:
            found.append(Stretch(moment, team))
    return [Stretch(-END, found[0].team), *found[1:]]
