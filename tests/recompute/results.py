"""Numbers about what came of deals: bookings, attainment, cycles, the curve of wins, why deals were lost."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import Any

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import GONE, Step
from tests.recompute.known import DAY
from tests.recompute.moments import last_win, minor, share, total, wins
from tests.recompute.planning import closed, quotas, taken_back, to_minor

AMOUNTLESS = ": counted without an amount"


def bookings(asked: Asked) -> Iterator[Record]:
    """(currency; deals and amount of all wins, of those taken back, of those that stand; mean and median of these)"""
    found: dict[str, dict[bool, list[Decimal | None]]] = defaultdict(lambda: {True: [], False: []})
    for step, steps in wins(asked):
        stands = steps[-1].deal.status == "won" and last_win(steps).version == step.version
        own, at = asked.then(step, steps)
        currency = step.deal.worth.currency
        if asked.belongs(own, at, currency=currency):
            worth = asked.worth(step.deal.worth, step.at, AMOUNTLESS)
            part = asked.part(own, at, worth, currency=currency) if worth else None
            found[asked.question.convert_to or currency][stands].append(part.amount if part else None)
    for currency in sorted({*found, *(key[0] for key in asked.also)}):
        net, back = found[currency][True], found[currency][False]
        amounts = [total([amount for amount in of if amount is not None]) for of in (back, net)]
        sizes = sorted(Fraction(amount) for amount in net if amount is not None)
        yield (
            currency, len(net) + len(back), sum(amounts), len(back), amounts[0], len(net), amounts[1],
            to_minor(sum(sizes, Fraction(0)) / len(sizes), currency) if sizes else None,
            to_minor(Fraction(median(sizes)), currency) if sizes else None,
        )  # fmt: skip


def quota_attainment(asked: Asked) -> Iterator[Record]:
    """(currency, quota, won and reversed amount, attainment, gap, what was expected by now, pace)"""
    won: dict[str, list[Decimal]] = defaultdict(list)
    targets: dict[str, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    for _, worth in closed(asked, "won"):
        won[worth.currency].append(worth.amount)
    back = taken_back(asked)
    today, into = asked.world.calendar.day(asked.moment), asked.question.convert_to
    for quota in quotas(asked):
        rates, base = asked.world.rates, asked.question.base_currency
        worth = rates.convert(quota.amount, into, quota.start, base) if into else quota.amount
        if worth is None:
            reason = f"quota of {quota.holder}: no rate from {quota.amount.currency} to {into} on {quota.start}"
            asked.left_out[reason] += 1
            continue
        days = [quota.start + timedelta(days=count) for count in range((quota.end - quota.start).days + 1)]
        passed = Fraction(sum(day < today for day in days), len(days))
        targets[worth.currency].append((worth.amount, to_minor(Fraction(worth.amount) * passed, worth.currency)))
    for currency in sorted({*won, *back, *targets, *(key[0] for key in asked.also)}):
        booked, reversed_amount = total(won[currency]), back.get(currency, Decimal(0))
        if not targets[currency]:
            yield currency, None, booked, reversed_amount, None, None, None, None
            continue
        quota, expected = (total([each[index] for each in targets[currency]]) for index in (0, 1))
        yield (
            currency, quota, booked, reversed_amount,
            minor(booked, currency) / minor(quota, currency) if quota else None, quota - booked, expected,
            minor(booked, currency) / minor(expected, currency) if expected else None,
        )  # fmt: skip


def cohort(asked: Asked) -> Iterator[tuple[str, int, int]]:
    """(status, microseconds from opening to closing or to the moment, age) of the deals opened in the period."""
    for steps in asked.past().values():
        last = steps[-1]
        if last.deal.status in GONE or not asked.during(last.deal.opened_at):
            continue
        own, at = asked.then(steps[0], steps)
        if asked.belongs(own, at, currency=last.deal.worth.currency):
            end = asked.moment if last.deal.status == "open" else last.began
            yield last.deal.status, end - last.deal.opened_at, asked.moment - last.deal.opened_at


def sales_cycle(asked: Asked) -> Iterator[Record]:
    """(outcome, deals, closed so, days by which a quarter, half, three quarters and nine tenths had that outcome)"""
    by_opening = asked.question.cohort == "opened"
    if by_opening:
        deals = [(status, took) for status, took, _ in cohort(asked)]
    else:
        deals = [(step.deal.status, step.began - step.deal.opened_at) for step in closings(asked)]
    for outcome in ("won", "lost"):
        counted = [(took, status == outcome) for status, took in deals if by_opening or status == outcome]
        if not counted and (outcome,) not in asked.also:
            continue
        quantiles = (survived(counted, Fraction(share, 100)) for share in (25, 50, 75, 90))
        yield outcome, len(counted), sum(over for _, over in counted), *quantiles


def win_curve(asked: Asked) -> Iterator[Record]:
    """(age in days, deals that are as old; those of them won, lost and open then; their shares)"""
    step = {"weeks": 7, "months": 30}[asked.question.mode]
    deals = list(cohort(asked))
    for age in range(0, max((each[2] for each in deals), default=-1) // DAY + 1, step):
        old = [(status, took) for status, took, reached in deals if reached >= age * DAY]
        states = Counter(status if took <= age * DAY else "open" for status, took in old)
        counts = tuple(states[status] for status in ("won", "lost", "open"))
        yield age, len(old), *counts, *(count / len(old) for count in counts)


def closings(asked: Asked) -> Iterator[Step]:
    """The deals that are closed, by their last closing in the period."""
    for steps in asked.past().values():
        last = steps[-1]
        if last.deal.status in ("won", "lost") and asked.during(last.began):
            at = asked.moment if asked.question.attribute == "moment" else last.began
            if asked.belongs(last.deal, at):
                yield last


def survived(durations: Sequence[tuple[int, bool]], share: Fraction) -> float | None:
    """The days by which a share has ended: the product of those that stay on, minute by minute."""
    minutes = [(took // 60_000_000, over) for took, over in durations]
    staying = Fraction(1)
    for minute in sorted({minute for minute, over in minutes if over}):
        there = sum(took >= minute for took, _ in minutes)
        staying *= 1 - Fraction(sum(each == (minute, True) for each in minutes), there)
        if staying <= 1 - share:
            return minute / 1440
    return None


def loss_reasons(asked: Asked) -> Iterator[Record]:
    """(reason, competitor, process, stage, its name, currency, lost, amount, share of lost, of lost and won)"""
    found: dict[tuple[Any, ...], list[Decimal]] = defaultdict(list)
    won, mode = Counter[str](), asked.question.mode
    for step in closings(asked):
        deal = step.deal
        at = asked.moment if asked.question.attribute == "moment" else step.began
        currency = asked.question.convert_to or deal.worth.currency
        if deal.status == "won":
            won[currency] += 1
            continue
        worth = asked.worth(deal.worth, step.began, AMOUNTLESS)
        part = asked.part(deal, at, worth, currency=deal.worth.currency) if worth else None
        told = {
            "reason": (deal.reason, None, None, None), "competitor": (None, deal.competitor, None, None),
            "stage": (None, None, deal.process, deal.stage),
            "together": (deal.reason, deal.competitor, deal.process, deal.stage),
        }[mode]  # fmt: skip
        found[currency, *told].append(part.amount if part else Decimal(0))
    for key in asked.also:
        found.setdefault((key[5], *key[:4]), [])
    lost = Counter[str]()
    for (currency, *_), amounts in found.items():
        lost[currency] += len(amounts)

    def order(key: tuple[Any, ...]) -> tuple[Any, ...]:
        return key[0], -len(found[key]), tuple(each or "" for each in key[1:])

    for currency, reason, competitor, process, stage in sorted(found, key=order):
        amounts, of = found[currency, reason, competitor, process, stage], lost[currency]
        name = None if stage is None else asked.world.name(process, stage)
        yield (
            reason, competitor, process, stage, name, currency, len(amounts), total(amounts),
            len(amounts) / of if of else None, share(len(amounts), of + won[currency] - len(amounts)),
        )  # fmt: skip


def pipeline_history(asked: Asked) -> Iterator[Record]:
    """(day, currency, deals open and to close in the period, amount, deals won in it, amount) week by week."""
    question, calendar = asked.question, asked.world.calendar
    first, last = (day.isoformat() for day in asked.days())
    weeks = [week for week in calendar.periods("week", question.since, question.until) if week[1] <= asked.moment]
    found: dict[tuple[str, str], dict[str, list[Decimal]]] = defaultdict(lambda: {"open": [], "won": []})
    ends = [min(until - 1, asked.moment) for _, _, until in weeks]
    days = [calendar.day(end).isoformat() for end in ends]
    for end, day in zip(ends, days, strict=True):
        then = asked.at(effective_at=end, closes_since=first, closes_until=last)
        for _, _, worth in then.open_worths():
            found[day, worth.currency]["open"].append(worth.amount)
        for currency, amount in won_at(replace(asked, left_out=Counter()), end):
            found[day, currency]["won"].append(amount)
    if ends:
        count_rateless_wins(asked, ends[-1])
    for day in days:
        for currency in sorted({currency for _, currency in found}):
            still_open, won = found[day, currency]["open"], found[day, currency]["won"]
            yield day, currency, len(still_open), total(still_open), len(won), total(won)


def won_at(asked: Asked, end: int) -> Iterator[tuple[str, Decimal]]:
    """(currency, amount) of the deals that are won at an instant, and were so last in the period."""
    for stream, steps in asked.past(end).items():
        last = steps[-1]
        if last.deal.status != "won" or not asked.during(last.began):
            continue
        own, at = last.deal, last.began
        if asked.question.attribute == "moment":
            own, at = asked.past()[stream][-1].deal, asked.moment
        currency = last.deal.worth.currency
        if (worth := asked.worth(last.deal.worth, last.began)) and (
            part := asked.part(own, at, worth, currency=currency)
        ):
            yield worth.currency, part.amount


def count_rateless_wins(asked: Asked, end: int) -> None:
    """Note each time that a deal came to be won in the period, by an instant, without a rate."""
    for stream, steps in asked.past(end).items():
        for before, after in pairwise(steps):
            if before.deal.status == "won" or after.deal.status != "won" or not asked.during(after.began):
                continue
            own, at = after.deal, after.began
            if asked.question.attribute == "moment":
                own, at = asked.past()[stream][-1].deal, asked.moment
            if asked.belongs(own, at, currency=after.deal.worth.currency):
                asked.worth(after.deal.worth, after.began)


METRICS = {
    "bookings": Recomputed(bookings, True, 1),
    "quota-attainment": Recomputed(quota_attainment, True, 1),
    "sales-cycle": Recomputed(sales_cycle, True, 1),
    "win-curve": Recomputed(win_curve, True),
    "loss-reasons": Recomputed(loss_reasons, True, 6),
    "pipeline-history": Recomputed(pipeline_history, True),
}
