"""How long a model of a million opportunities takes to fit and a quarter to forecast, how much memory, and what it
costs to want a figure again.

Deals in six stages over a thousand days, thirty thousand of them open, owned by 200 people: their lives are in memory,
as a read of the log leaves them. *fit* and *forecast* (90 days, 500 draws) are seconds of processor time, the least of
a few rounds; resident is the most that the process held, in MB, before and with them.

The other figures are of a log on SQLite. *read*: all its deals are read for the first time, and kept. Then some more
events are recorded, and a process of its own makes a forecast of 90 days of it, without past ones to learn from:
*open_kept* is what was kept, with the deals that changed read again, *cut* what was known on a day of it, and all of
it is *made*, in a process that held *made_resident* MB at most. *first* is a forecast as it is shown, with past ones at
quarterly cuts to learn from; *again* the same figure, from the log opened anew, and *one_more* after one more event of
a deal; *program* that as a whole run of `dealtrail forecast show`, from the start of Python to its end, the user's and
the system's time.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from domain.money import Money
from domain.opportunity.opening import OpenOpportunity
from domain.recorded import Request
from infra.application.app import opened
from infra.application.archives import archive_at
from infra.application.forecasts import Forecaster
from infra.application.predictions import Terms, keep, kept
from infra.application.targets import predicted
from infra.settings import Settings
from infra.store.codec import HISTORY
from projections.outlook.archive import Archive
from projections.outlook.cuts import cut
from projections.outlook.days import day_number
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
from projections.outlook.settings import DEFAULT
from projections.outlook.states import Known
from projections.query.references import References
from projections.rows.calendars import Calendar
from tests.benchmarks._history import drafts, write
from tests.benchmarks.startup import ENTRY, ROOT, processor_time

DEALS, STAGES, DAYS, OWNERS, PRODUCTS, TEAMS, SOURCES = 1_000_000, 6, 1000, 200, 10, 10, 5
MOST_STAGES, STAY = 5, 10
CUT = 20_000
EVENTS = 100_000
MORE = 4 * 365
"""One of so many events is recorded after the log was read: those of a day."""
SHAPE: dict[str, Any] = {"leads": 0.1, "changes": 4}  # five events a deal
CURRENCY, AS_OF = "EUR", "2023-06-30"


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
    none, zero = np.full(deals, NONE), np.zeros(deals, np.int64)
    amount, owner = rng.integers(1_000, 10_000_000, deals), rng.integers(0, OWNERS, deals)
    table = Deals(
        mixed(np.arange(deals, dtype=np.uint64)), opened, closed, status, place, since, amount, amount, amount, zero,
        owner % TEAMS, owner, rng.integers(0, PRODUCTS, deals), rng.integers(0, SOURCES, deals), none, none, none, zero,
    )  # fmt: skip
    blank, nothing = np.full(len(deal), NONE), np.zeros(len(deal), np.int64)
    visits = Visits(deal, stage, entered, entered, left, ways, blank, blank, blank, nothing)
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
    """The most that the process held, in MB; what it was started by does not count."""
    [peak] = [line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line]
    return int(peak) // 1024


def made_of(db: str) -> dict[str, float]:
    """Seconds of processor time of a forecast of a log whose deals were read before, and what its process held."""
    result, day = dict[str, float](), day_number(date.fromisoformat(AS_OF))
    with opened(Settings(db=db, actor="benchmark")) as app:
        since = time.process_time()

        def passed(step: str) -> None:
            result[step] = time.process_time() - since

        known = Known(archive_at(app, app.log.head(), Calendar()), References(), CURRENCY)
        passed("open_kept")
        there = cut(known, day).lives
        passed("cut")
        forecast(fit(there), there, day + 1, day + 90)
        passed("made")
    return {**result, "cut": result["cut"] - result["open_kept"], "made_resident": resident()}


def read_once(events: int) -> dict[str, float]:
    """Seconds of processor time to read the deals of a log for the first time, and to make a forecast later."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(db=f"sqlite:///{folder}/log.db", actor="benchmark")
        made = [draft._replace(history=HISTORY) for draft in drafts(events, **SHAPE, stays=0.01)]
        result = dict[str, float]()
        with opened(settings) as app:
            write(app.log, made[: -events // MORE])
            archive = list[Archive]()
            result["read"] = seconds(lambda: archive.append(archive_at(app, app.log.head(), Calendar())))
            write(app.log, made[-events // MORE :])
            result["read_deals"], result["recorded_since"] = len(archive[0].keys), events // MORE
        with get_context("spawn").Pool(1) as pool:
            return result | pool.apply(made_of, (settings.db,))


def wanted_again(events: int, rounds: int) -> dict[str, float]:
    """Seconds of processor time of a forecast of a log, made first and wanted again."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(db=f"sqlite:///{folder}/log.db", actor="benchmark")
        with opened(settings) as app:
            write(app.log, [draft._replace(history=HISTORY) for draft in drafts(events, **SHAPE)])
            with app.views():
                terms = Terms(app.today().day, as_of=AS_OF, convert_to=CURRENCY)

            def first() -> None:
                making = Forecaster(app, CURRENCY, settings=DEFAULT._replace(step=91))
                day = day_number(date.fromisoformat(AS_OF))
                keep(app, terms, predicted(making, day + 1, day + 90, day))

            result = {"events": events, "first": seconds(first)}

        def again() -> None:
            with opened(settings) as app:
                assert kept(app, terms)

        show = "forecast", "show", "--as-of", AS_OF, "--convert-to", CURRENCY, "--json"
        result["again"] = min(seconds(again) for _ in range(rounds))
        with opened(settings) as app:
            opening = OpenOpportunity("process-sales", Money(Decimal(100), CURRENCY))
            app.execute(Request(stream="opportunity-new", command=opening, actor="benchmark"))
        result["one_more"] = min(seconds(again) for _ in range(rounds))
        result["program"] = min(processor_time(ROOT, Path(folder), "-c", ENTRY, *show) for _ in range(rounds + 1))
    return {name: round(value, 3) for name, value in result.items()}


def run(arguments: list[str]) -> None:
    """Measure, and print a row or JSON."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks forecast", description=__doc__)
    parser.add_argument("--deals", type=int, default=DEALS)
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--read", action="store_true", help="of the log only what reading it once is worth")
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
    result |= {name: round(value, 2) for name, value in read_once(options.events).items()}
    if not options.read:
        result |= wanted_again(options.events, options.rounds)
    print(json.dumps(result) if options.json else "\n".join(f"{name:16}{value}" for name, value in result.items()))
