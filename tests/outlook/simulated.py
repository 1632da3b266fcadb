"""Histories whose truth is known: semi-Markov deals in four stages, segments, seasons, a drift and new business."""

from datetime import date
from typing import NamedTuple

import numpy as np

from projections.outlook.lives import (
    CENSORED,
    LOST,
    NEVER,
    NONE,
    OPEN,
    TO_LOST,
    TO_WON,
    WON,
    Deals,
    Labels,
    Lives,
    Visits,
)
from projections.outlook.portable import mixed

START = (date(2024, 1, 1) - date(1970, 1, 1)).days
STAGES = 3
TEAMS, OWNERS, PRODUCTS = 3, 9, 4


class World(NamedTuple):
    """What is true of a history. rate: deals created a day; drift: what win odds grow by in a year; season: factors of
    the months of a quarter on wins; uneven: the shape of the gamma distribution that weeks of creation vary by.
    """

    days: int = 730
    rate: float = 3.0
    drift: float = 0.0
    season: tuple[float, float, float] = (0.85, 0.95, 1.2)
    uneven: float = 12.0
    spread: float = 0.6


def hazards(stage: np.ndarray, age: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The true chances of a day to be won, lost, or moved to the next stage, by stage and age in it."""
    late = np.minimum(age / 30.0, 1.5)
    win = np.array([0.001, 0.004, 0.016])[stage] * (0.4 + late)
    loss = np.array([0.008, 0.007, 0.006])[stage] * (1.4 - 0.5 * late)
    move = np.where(stage < STAGES - 1, np.array([0.035, 0.03, 0.0])[stage] * np.exp(-age / 60.0), 0.0)
    return win, loss, move


class Effects(NamedTuple):
    """True multipliers of the win hazards."""

    product: np.ndarray
    owner: np.ndarray


PLAIN = World()


def history(seed: int, world: World = PLAIN) -> Lives:
    """A whole history, from day START on; its first deals were opened before, and were open then."""
    rng = np.random.default_rng(seed)
    effects = Effects(rng.gamma(16.0, 1 / 16.0, PRODUCTS), rng.gamma(25.0, 1 / 25.0, OWNERS))
    month = np.arange(START, START + world.days).astype("datetime64[D]").astype("datetime64[M]").astype(int) % 3
    weeks = rng.gamma(world.uneven, 1 / world.uneven, world.days // 7 + 1)
    born = rng.poisson(world.rate * weeks[np.arange(world.days) // 7])
    warm = rng.poisson(world.rate, 120)
    opened = np.concatenate([np.repeat(np.arange(-120, 0), warm), np.repeat(np.arange(world.days), born)])
    n = len(opened)
    product, owner = rng.integers(0, PRODUCTS, n), rng.integers(0, OWNERS, n)
    first = np.rint(np.exp(rng.normal(9.0 + 0.4 * product, world.spread))).astype(np.int64) * 100
    theta = effects.product[product] * effects.owner[owner]
    stage, entered = np.zeros(n, np.int64), opened.copy()
    status, closed = np.full(n, OPEN), np.full(n, NEVER)
    visits: list[np.ndarray] = []
    for day in range(-119, world.days):
        at = np.flatnonzero((status == OPEN) & (opened < day))
        win, loss, move = hazards(stage[at], day - entered[at] - 1)
        factor = world.season[month[max(day, 0)]] * (1.0 + world.drift) ** (day / 365.0)
        win = np.minimum(win * theta[at] * factor, 0.5)
        drawn = rng.random(len(at))
        outcome = np.select(
            [drawn < win, drawn < win + loss, drawn < win + loss + move], [TO_WON, TO_LOST, 1], CENSORED
        )
        gone = outcome != CENSORED
        rows, how = at[gone], outcome[gone]
        ways = np.where(how == 1, stage[rows] + 1, how)
        visits.append(np.stack([rows, stage[rows], entered[rows], np.full(len(rows), day), ways]))
        moved = rows[how == 1]
        stage[moved], entered[moved] = stage[moved] + 1, day
        ended = rows[how < 0]
        status[ended], closed[ended] = np.where(how[how < 0] == TO_WON, WON, LOST), day
    still = np.flatnonzero(status == OPEN)
    visits.append(
        np.stack([still, stage[still], entered[still], np.full(len(still), NEVER), np.full(len(still), CENSORED)])
    )
    booked = np.where(status == WON, np.rint(first * rng.gamma(20.0, 0.95 / 20.0, n)).astype(np.int64), first)
    return lives(
        seed, world, opened, closed, status, stage, entered, first, booked, product, owner, np.concatenate(visits, 1)
    )


def lives(seed, world, opened, closed, status, stage, entered, first, booked, product, owner, rows) -> Lives:
    """The arrays of a history, with what had ended before its first day left out."""
    keep = (closed >= 0) & (opened < world.days)
    place = np.cumsum(keep) - 1
    rows = rows[:, keep[rows[0]]]
    n = int(keep.sum())
    none, zero = np.full(n, NONE), np.zeros(n, np.int64)
    day = lambda days: np.where(days == NEVER, NEVER, days + START)  # noqa: E731
    still = status[keep] == OPEN
    key = mixed(np.arange(n, dtype=np.uint64) + np.uint64(seed << 32))
    team = owner[keep] % TEAMS
    deals = Deals(
        key, opened[keep] + START, day(closed[keep]), status[keep], np.where(still, stage[keep], NONE),
        np.where(still, entered[keep] + START, NONE), first[keep], first[keep], booked[keep], zero, team, owner[keep],
        product[keep], none, none, none, none, zero,
    )  # fmt: skip
    blank, nothing = np.full(rows.shape[1], NONE), np.zeros(rows.shape[1], np.int64)
    visits = Visits(
        place[rows[0]], rows[1], rows[2] + START, rows[2] + START, day(rows[3]), rows[4], blank, blank, blank, nothing,
    )  # fmt: skip
    labels = Labels(
        tuple(("sales", f"stage {number}") for number in range(STAGES)), (1000, 3000, 6000), ("sales",),
        tuple(f"team {number}" for number in range(TEAMS)), tuple(f"owner {number}" for number in range(OWNERS)),
        tuple(f"product {number}" for number in range(PRODUCTS)), (), (),
    )  # fmt: skip
    return Lives(START + world.days - 1, START, "EUR", visits, deals, labels)
