"""Cuts: everything that somebody could know of the deals at the end of a day, and nothing that came later."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from projections.outlook.archive import Names, Text
from projections.outlook.days import end_of
from projections.outlook.lives import (
    CENSORED,
    GONE,
    LEVELS,
    LOST,
    NEVER,
    NONE,
    OPEN,
    TO_LOST,
    TO_WON,
    WON,
    Deals,
    Flags,
    Ints,
    Labels,
    Lives,
    Numbers,
    Visits,
)
from projections.outlook.states import UNKNOWN, Known

ENDINGS = {WON: TO_WON, LOST: TO_LOST, GONE: CENSORED}
ENDED_LEAST = 30
"""Endings that must be known before anything is said of how long deals mostly take."""


class Cut(NamedTuple):
    """The lives of the deals at the end of a day. streams: names of all that are known at any time, and at: the place
    of each deal among them.

    unpriced: of which deals no rate says what they are worth in the currency of the forecast; they count as 0.
    """

    lives: Lives
    streams: Names
    at: Ints
    unpriced: Flags

    def stream(self, row: int) -> str:
        """The stream of the deal in a row."""
        return bytes(self.streams[self.at[row]]).decode()


def cut(known: Known, day: int) -> Cut:
    """What was known at the end of a day of all deals opened by then.

    A state counts that was available by then and had begun by then. What no deal owns counts as known at the position.
    """
    s = known.archive.states
    seen = np.flatnonzero((s.known_from <= day) & (day < s.known_to) & (s.since <= day))
    # of what changed within a day only how it stood at its end counts
    ends = seen[last_of(s.deal[seen], s.since[seen])]
    deal = s.deal[ends]
    now, first = ends[last_of(deal)], ends[first_of(deal)]
    visits, deals = visits_of(known, ends, now), deals_of(known, now, first, day)
    unpriced = (deals.amount == UNKNOWN) | (deals.amount_first == UNKNOWN)
    deals = deals._replace(
        amount=known_worth(deals.amount), amount_open=known_worth(deals.amount_open),
        amount_first=known_worth(deals.amount_first),
    )  # fmt: skip
    visits, deals, labels = labelled(known, visits, deals, seen)
    start = complete_from(deals, known.first) if len(seen) else day
    lives = Lives(day, start, known.exchange.into, visits, deals, labels)
    return Cut(lives, known.archive.streams, s.deal[now], unpriced)


def complete_from(deals: Deals, first: int) -> int:
    """The first day of which a log that begins on a day tells everything.

    An export often holds what was closed since some day: what was opened before is there only if it was still open
    then. So where nothing was closed for half as long again as a deal mostly takes, it is the day of the first ending.
    """
    ended = (deals.status == WON) | (deals.status == LOST)
    if np.count_nonzero(ended) < ENDED_LEAST:
        return first
    ages, began = np.sort(deals.closed[ended] - deals.opened[ended]), int(deals.closed[ended].min())
    return began if 2 * (began - first) > 3 * int(ages[len(ages) // 2]) else first


def first_of(*keys: Numbers) -> Flags:
    """Which rows are the first of those next to each other that have the same keys."""
    first = np.zeros(len(keys[0]), bool)
    first[:1] = True
    for key in keys:
        first[1:] |= key[1:] != key[:-1]
    return first


def last_of(*keys: Numbers) -> Flags:
    """Which rows are the last of those next to each other that have the same keys."""
    return np.roll(first_of(*keys), -1)


def known_worth(amounts: Ints) -> Ints:
    """Amounts, 0 where no rate says what one is worth."""
    return np.where(amounts == UNKNOWN, 0, amounts)


def visits_of(known: Known, ends: Ints, now: Ints) -> Visits:
    """The visits that the states at ends of days make; their codes are still those of all that is known."""
    s = known.archive.states
    starts = first_of(s.deal[ends])
    for column in (s.status, s.stage, s.entered, known.category, s.due, s.contact, s.pushes):
        starts |= first_of(column[ends])
    rows = ends[starts]
    follows = ~last_of(s.deal[rows])
    after = np.append(rows[1:], rows[-1:])
    goes_on = (s.stage[after] == s.stage[rows]) & (s.entered[after] == s.entered[rows])
    leads_to = np.select([s.status[after] == status for status in ENDINGS], list(ENDINGS.values()), s.stage[after])
    ended = follows & ~((s.status[after] == OPEN) & goes_on)
    places = np.full(len(known.archive.streams), NONE, np.int32)
    places[s.deal[now]] = np.arange(len(now))
    at_risk = s.status[rows] == OPEN
    rows, ended, follows, after, leads_to = (each[at_risk] for each in (rows, ended, follows, after, leads_to))
    return Visits(
        deal=places[s.deal[rows]], stage=whole(s.stage[rows]), entered=whole(s.entered[rows]),
        since=whole(s.since[rows]), left=np.where(follows, whole(s.since[after]), NEVER),
        exit=np.where(ended, whole(leads_to), CENSORED), category=whole(known.category[rows]), due=whole(s.due[rows]),
        contact=whole(s.contact[rows]), pushes=whole(s.pushes[rows]),
    )  # fmt: skip


def whole(column: Numbers) -> Ints:
    """A column of days, codes or counts as lives have it."""
    return column.astype(np.int32)


def deals_of(known: Known, now: Ints, first: Ints, day: int) -> Deals:
    """The deals as they stood last, and at the end of their first day; their codes are those of all that is known."""
    s = known.archive.states
    is_open, opened, closed = s.status[now] == OPEN, whole(s.opened[now]), whole(s.closed[now])
    valued, closed_at = np.where(is_open, day, closed), s.closed_at[now].astype(np.int64)
    return Deals(
        key=known.archive.keys[s.deal[now]], opened=opened, closed=closed, status=whole(s.status[now]),
        stage=np.where(is_open, whole(s.stage[now]), NONE), entered=np.where(is_open, whole(s.entered[now]), NONE),
        amount_first=known.worth(s.open_amount[first], s.open_currency[first], opened),
        amount_open=known.worth(s.open_amount[now], s.open_currency[now], valued),
        amount=known.worth(s.amount[now], s.currency[now], valued), pipeline=whole(s.pipeline[now]),
        team=known.team(s.owner[now], np.where(is_open, end_of(known.calendar, day), closed_at)),
        owner=whole(s.owner[now]), product=whole(s.product[now]), source=whole(s.source[now]),
        category=whole(known.category[now]), due=whole(s.due[now]), contact=whole(s.contact[now]),
        pushes=whole(s.pushes[now]),
    )  # fmt: skip


def labelled(known: Known, visits: Visits, deals: Deals, seen: Ints) -> tuple[Visits, Deals, Labels]:
    """Visits and deals with codes of what the cut itself holds, in the order of the texts, and what they mean."""
    exits = np.where(visits.exit >= 0, visits.exit, NONE)
    stages, (stage, after, standing) = relabelled(known.texts["stage"], visits.stage, exits, deals.stage)
    categories, (category, judged) = relabelled(known.texts["category"], visits.category, deals.category)
    visits = visits._replace(stage=stage, exit=np.where(visits.exit >= 0, after, visits.exit), category=category)
    deals = deals._replace(stage=standing, category=judged)
    levels = dict[str, tuple[str, ...]]()
    for level in LEVELS:
        texts, (codes,) = relabelled(known.texts[level], getattr(deals, level))
        deals = deals._replace(**{level: codes})
        levels[level] = tuple(str(text) for text in texts)
    pairs = tuple((process, stage) for process, stage in stages)
    of = tuple(str(text) for text in categories)
    return visits, deals, Labels(stages=pairs, chances=chances_of(known, pairs, seen), category=of, **levels)


def relabelled(texts: Sequence[Text], *codes: Ints) -> tuple[tuple[Text, ...], list[Ints]]:
    """The texts that some codes name, in their order, and the codes as places among these; NONE stays."""
    used = np.zeros(len(texts) + 1, bool)  # one more, which NONE means as a place
    for each in codes:
        used[each] = True
    ordered = sorted((text, code) for code, text in enumerate(texts) if used[code])  # type: ignore[type-var]
    become = np.full(len(texts) + 1, NONE, np.int32)
    become[[code for _, code in ordered]] = np.arange(len(ordered))
    return tuple(text for text, _ in ordered), [become[each] for each in codes]


def chances_of(known: Known, stages: Sequence[tuple[str, str]], seen: Ints) -> tuple[int, ...]:
    """What the process says of each stage, in the newest of its versions in which a deal was seen there."""
    s, said = known.archive.states, {tuple(each[:3]): each.probability for each in known.references.stages}
    versions = int(s.process_version.max(initial=0)) + 1
    there = np.bincount(s.stage[seen] * np.int32(versions) + s.process_version[seen]).nonzero()[0].tolist()
    newest = {known.texts["stage"][code // versions]: code % versions for code in there}
    return tuple(said.get((process, newest[process, stage], stage), NONE) for process, stage in stages)
