"""Cuts: everything that somebody could know of the deals at the end of a day, and nothing that came later."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from projections.outlook.days import day_of, end_of
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
    Visits,
)
from projections.outlook.states import UNKNOWN, Known, Text

ENDINGS = {WON: TO_WON, LOST: TO_LOST, GONE: CENSORED}
ENDED_LEAST = 30
"""Endings that must be known before anything is said of how long deals mostly take."""
PARTING = ("status", "stage", "entered", "category", "due", "contact", "pushes")
"""What parts one row of visits from the next one where it changed."""


class Cut(NamedTuple):
    """The lives of the deals at the end of a day, with the stream of each, in their order.

    unpriced: of which deals no rate says what they are worth in the currency of the forecast; they count as 0.
    """

    lives: Lives
    streams: tuple[str, ...]
    unpriced: Flags


def cut(known: Known, day: int) -> Cut:
    """What was known at the end of a day of all deals opened by then.

    A state counts that was available by then and had begun by then. What no deal owns counts as known at the position.
    """
    moment = end_of(known.calendar, day)
    s = known.states
    seen = np.flatnonzero((s.known_from <= moment) & (moment < s.known_to) & (s.since <= moment))
    ends = seen[last_of(s.deal[seen], s.day[seen])]  # of what changed within a day only how it stood at its end counts
    deal = s.deal[ends]
    now, first = ends[last_of(deal)], ends[last_of(deal[::-1])[::-1]]
    visits, deals = visits_of(known, ends, now), deals_of(known, now, first, day)
    unpriced = (deals.amount == UNKNOWN) | (deals.amount_first == UNKNOWN)
    deals = deals._replace(
        amount=known_worth(deals.amount), amount_open=known_worth(deals.amount_open),
        amount_first=known_worth(deals.amount_first),
    )  # fmt: skip
    visits, deals, labels = labelled(known, visits, deals, seen)
    start = complete_from(deals, day_of(known.calendar, known.first)) if len(seen) else day
    lives = Lives(day, start, known.exchange.into, visits, deals, labels)
    streams = [known.streams[int(place)] for place in s.deal[now]]
    return Cut(lives, tuple(streams), unpriced)


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


def last_of(*keys: Ints) -> Flags:
    """Which rows are the last of those next to each other that have the same keys."""
    last = np.ones(len(keys[0]), bool)
    if len(last):
        last[:-1] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    return last


def known_worth(amounts: Ints) -> Ints:
    """Amounts, 0 where no rate says what one is worth."""
    return np.where(amounts == UNKNOWN, 0, amounts)


def visits_of(known: Known, ends: Ints, now: Ints) -> Visits:
    """The visits that the states at ends of days make; their codes are still those of all that is known."""
    s = known.states
    starts = last_of(*(s.deal[ends][::-1], *(getattr(s, name)[ends][::-1] for name in PARTING)))[::-1]
    rows = ends[starts]
    follows = ~last_of(s.deal[rows])
    after = np.append(rows[1:], rows[-1:])
    goes_on = (s.stage[after] == s.stage[rows]) & (s.entered[after] == s.entered[rows])
    leads_to = np.select([s.status[after] == status for status in ENDINGS], list(ENDINGS.values()), s.stage[after])
    ended = follows & ~((s.status[after] == OPEN) & goes_on)
    places = np.full(len(known.streams), NONE)
    places[s.deal[now]] = np.arange(len(now))
    at_risk = s.status[rows] == OPEN
    rows, ended, follows, after, leads_to = (each[at_risk] for each in (rows, ended, follows, after, leads_to))
    return Visits(
        deal=places[s.deal[rows]], stage=s.stage[rows], entered=s.entered[rows], since=s.day[rows],
        left=np.where(follows, s.day[after], NEVER), exit=np.where(ended, leads_to, CENSORED),
        category=s.category[rows], due=s.due[rows], contact=s.contact[rows],
        pushes=s.pushes[rows],
    )  # fmt: skip


def deals_of(known: Known, now: Ints, first: Ints, day: int) -> Deals:
    """The deals as they stood last, and at the end of their first day; their codes are those of all that is known."""
    s = known.states
    is_open, closed = s.status[now] == OPEN, s.closed[now]
    amount, amount_open = s.worth[now].copy(), s.open_worth[now].copy()
    team = s.team[now].copy()
    moment, owners, teams = end_of(known.calendar, day), known.texts["owner"], known.texts["team"]
    currencies, codes = known.texts["currency"], {text: code for code, text in enumerate(teams)}
    for place in np.flatnonzero(is_open):
        row = now[place]
        owner = owners[s.owner[row]] if s.owner[row] != NONE else ""
        team[place] = codes.get(known.references.teams.at(str(owner), moment), NONE)
        for field, units, currency in ((amount, s.amount, s.currency), (amount_open, s.open_amount, s.open_currency)):
            field[place] = known.exchange.worth(int(units[row]), str(currencies[currency[row]]), day)
    return Deals(
        key=known.keys[s.deal[now]], opened=s.opened[now], closed=closed, status=s.status[now],
        stage=np.where(is_open, s.stage[now], NONE), entered=np.where(is_open, s.entered[now], NONE),
        amount_first=s.first_worth[first], amount_open=amount_open, amount=amount, pipeline=s.pipeline[now], team=team,
        owner=s.owner[now], product=s.product[now], source=s.source[now], category=s.category[now], due=s.due[now],
        contact=s.contact[now], pushes=s.pushes[now],
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
    used = np.unique(np.concatenate(codes))
    used = used[used >= 0]
    become = np.full(len(texts) + 1, NONE)  # one more, which NONE means as a place
    become[used] = np.arange(len(used))
    return tuple([texts[int(code)] for code in used]), [become[each] for each in codes]


def chances_of(known: Known, stages: Sequence[tuple[str, str]], seen: Ints) -> tuple[int, ...]:
    """What the process says of each stage, in the newest of its versions in which a deal was seen there."""
    s, said = known.states, {tuple(each[:3]): each.probability for each in known.references.stages}
    newest = np.full(len(known.texts["stage"]), NONE)
    np.maximum.at(newest, s.stage[seen], s.process_version[seen])
    of = {text: int(newest[code]) for code, text in enumerate(known.texts["stage"])}
    return tuple(said.get((process, of[process, stage], stage), NONE) for process, stage in stages)
