"""A forecast beside what is to be reached, and beside the same day of earlier periods."""

from collections.abc import Iterator
from decimal import Decimal

from domain.money import Money, checked, from_minor_units, minor_units
from infra.application.forecasts import Forecast, Forecaster, issued
from infra.application.predictions import Evidence, Pace, Prediction, Target
from projections.outlook.answers import MILLION, Reach, pacing, reach
from projections.outlook.days import as_date, day_number
from projections.outlook.forecasting import grouped
from projections.rows.quotas import Quota

EVERYBODY = ""
PERIODS = 4
"""How many earlier periods stand beside one."""


def predicted(making: Forecaster, first: int, last: int, day: int, quota: Decimal | None = None) -> Prediction:
    """What will be won in a period, by what was available at the end of a day; `quota` is one for everybody."""
    made = making.forecast(first, last, day)
    evidence = Evidence(made.past.cuts, sum(map(len, made.past.record.values())))
    quotas, pacing = tuple(targets(making, made, quota)), tuple(paced(making, made))
    return Prediction(issued(made, making.position, making.settings), evidence, quotas, pacing)


def targets(making: Forecaster, made: Forecast, quota: Decimal | None = None) -> list[Target]:
    """The quotas of just the period that is forecast, turned into its currency; `quota` is one for everybody."""
    found = list[Target]()
    if quota is not None:
        units = minor_units(checked("quota", Money(quota, making.currency)))
        found += targeted(made, EVERYBODY, units, reach(made.outlook, made.cut.lives, units))
    days = as_date(made.outlook.first).isoformat(), as_date(made.outlook.last).isoformat()
    for _, each in making.known.references.quotas:
        if (each.start_day, each.end_day) == days and (units := worth(making, made, each)) is not None:
            found += targeted(made, each.holder, units, reached(made, each.holder, units))
    return found


def reached(made: Forecast, holder: str, quota: int) -> Reach | None:
    """How a team or a seller stands to a quota: as everybody where all deals are theirs, as who wins nothing where the
    forecast has none of theirs; None where others' deals cannot be told from theirs.
    """
    lives, level = made.cut.lives, "team" if holder.startswith("team-") else "owner"
    labels, codes = grouped(lives, level)
    if labels == ("", holder):
        return reach(made.outlook, lives, quota) if (codes == 1).all() else None
    found = reach(made.outlook, lives, quota, level, holder)
    return found or Reach(quota, 0, 0, MILLION if quota == 0 else 0, quota, 0, 0, None)


def worth(making: Forecaster, made: Forecast, quota: Quota) -> int | None:
    """A quota in the currency of the forecast, by the rate of its day; None without a rate."""
    found = making.known.exchange.worth(quota.amount, quota.currency, made.outlook.cut)
    return None if found < 0 else found


def targeted(made: Forecast, holder: str, quota: int, found: Reach | None) -> Iterator[Target]:
    """What is to be said of a quota, of a holder whom the forecast has."""
    if found is not None:
        needed = None if found.needed is None else from_minor_units(found.needed, made.outlook.currency)
        amounts = (quota, found.booked, found.mean, found.gap, found.open_amount, found.open_mean)
        whole, booked, mean, gap, open_amount, open_mean = (
            from_minor_units(each, made.outlook.currency) for each in amounts
        )
        yield Target(holder, whole, booked, mean, found.chance / MILLION, gap, open_amount, open_mean, needed)


def paced(making: Forecaster, made: Forecast) -> list[Pace]:
    """The period beside the ones before it that are over, as far as the log tells all of them."""
    lives, of = made.cut.lives, made.outlook
    earlier = [each for each in before(making, of.first, of.last) if lives.start <= each[0] and each[1] <= of.cut]
    return [
        Pace(
            as_date(each.first), as_date(each.last), from_minor_units(each.by_day, of.currency),
            from_minor_units(each.whole, of.currency),
        )
        for each in pacing(of, lives, earlier)
    ]  # fmt: skip


def before(making: Forecaster, first: int, last: int) -> list[tuple[int, int]]:
    """The periods before one, the oldest first: months or fiscal quarters where it is one, else as long as it is."""
    calendar, found = making.known.calendar, list[tuple[int, int]]()
    for unit in (calendar.month, calendar.quarter):
        _, begins, after = unit(as_date(first))
        if (day_number(begins), day_number(after) - 1) == (first, last):
            while len(found) < PERIODS:
                _, begins, after = unit(as_date(day_number(begins) - 1))
                found.append((day_number(begins), day_number(after) - 1))
            return found[::-1]
    length = last - first + 1
    return [(first - number * length, last - number * length) for number in range(PERIODS, 0, -1)]
