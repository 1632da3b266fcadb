"""How long a model of a million opportunities takes to fit and a quarter to forecast, and how much memory.

Deals in six stages over a thousand days, thirty thousand of them open, owned by 200 people: their lives are in memory,
as a read of the tables leaves them. *fit* and *forecast* (90 days, 500 draws) are seconds of processor time, the least
of a few rounds; resident is the most that the process held, in MB, before and with them.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable

import numpy as np

from projections.outlook.fitting import fit
from projections.outlook.forecasting import forecast
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
)  # fmt: skip
from projections.outlook.portable import mixed

DEALS, STAGES, DAYS, OWNERS, PRODUCTS, TEAMS, SOURCES = 1_000_000, 6, 1000, 200, 10, 10, 5
MOST_STAGES, STAY = 5, 10
CUT = 20_000


def lives(deals: int = DEALS) -> Lives:
    """Invented deals: each passes one to five stages, ten days in each, and a quarter of them is won."""
    rng = np.random.default_rng(0)
    start = CUT - DAYS + 1
    opened = np.sort(rng.integers(start - 60, CUT - 1, deals))
    stays, stages = rng.geometric(1 / STAY, (deals, MOST_STAGES)), rng.integers(1, MOST_STAGES + 1, deals)
    within = np.arange(MOST_STAGES)[None] < stages[:, None]
    closed = opened + np.where(within, stays, 0).sum(1)
    status = np.where(rng.random(deals) < 0.25, WON, LOST)
    still = closed > CUT
    status[still], closed[still] = OPEN, NEVER
    before = np.cumsum(stays, 1) - stays
    deal, stage = np.nonzero(within)
    entered = (opened[:, None] + before)[within]
    left = entered + stays[within]
    kept = entered <= CUT
    deal, stage, entered, left = deal[kept], stage[kept], entered[kept], left[kept]
    ways = np.where(stage == stages[deal] - 1, np.where(status[deal] == WON, TO_WON, TO_LOST), stage + 1)
    on = left > CUT
    left[on], ways[on] = NEVER, CENSORED
    place, since = np.full(deals, NONE), np.full(deals, NONE)
    place[deal[on]], since[deal[on]] = stage[on], entered[on]
    none, zero, one = np.full(deals, NONE), np.zeros(deals, np.int64), np.ones(deals, np.int64)
    amount, owner = rng.integers(1_000, 10_000_000, deals), rng.integers(0, OWNERS, deals)
    table = Deals(
        mixed(np.arange(deals, dtype=np.uint64)), opened, closed, status, place, since, amount, amount, amount, zero,
        owner % TEAMS, owner, rng.integers(0, PRODUCTS, deals), rng.integers(0, SOURCES, deals), none, none, none, zero,
        one,
    )  # fmt: skip
    blank, nothing = np.full(len(deal), NONE), np.zeros(len(deal), np.int64)
    visits = Visits(deal, stage, entered, entered, left, ways, nothing + 1, blank, blank, blank, nothing)
    labels = Labels(
        tuple(("sales", f"stage {number}") for number in range(STAGES)), (NONE,) * STAGES, ("sales",),
        *(tuple(f"{name} {number:03}" for number in range(size))
          for name, size in (("team", TEAMS), ("owner", OWNERS), ("product", PRODUCTS), ("source", SOURCES))),
        (),
    )  # fmt: skip
    return Lives(CUT, start, "EUR", visits, table, labels)


def seconds(work: Callable[[], object]) -> float:
    """Processor time."""
    before = time.process_time()
    work()
    return time.process_time() - before


def resident() -> int:
    """The most that the process held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run(arguments: list[str]) -> None:
    """Measure, and print a row or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks forecast", description=__doc__)
    parser.add_argument("--deals", type=int, default=DEALS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    cut = lives(options.deals)
    result = {
        "deals": options.deals, "visits": len(cut.visits.deal), "open": int((cut.deals.status == OPEN).sum()),
        "resident_before": resident(),
    }  # fmt: skip
    model = fit(cut)
    result["fit"] = round(min(seconds(lambda: fit(cut)) for _ in range(options.rounds)), 2)
    result["forecast"] = round(
        min(seconds(lambda: forecast(model, cut, CUT + 1, CUT + 90)) for _ in range(options.rounds)), 2
    )
    result["resident"] = resident()
    print(json.dumps(result) if options.json else "\n".join(f"{name:16}{value}" for name, value in result.items()))
