"""Numbers that look ahead: the forecast, its coverage of the quota, how fast, what grows old, and what is to do."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any, NamedTuple

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import Deal, Money, Step, digits, rounded
from tests.recompute.known import DAY, Quota, of_kind
from tests.recompute.moments import minor, reversed_wins, total

CATEGORIES = ("closed", "commit", "best-case", "pipeline")
ASPECTS = ("pipeline", "product", "source")  # of deals, which neither a quota nor an adjustment has


def closed(asked: Asked, *statuses: str) -> Iterator[tuple[Step, Money]]:
    """The deals that were closed in the period, by their last closing, each at the rate of that day."""
    for steps in asked.past().values():
        last = steps[-1]
        if last.deal.status not in statuses or not asked.during(last.began):
            continue
        at = asked.moment if asked.question.attribute == "moment" else last.began
        if asked.belongs(last.deal, at) and (worth := asked.worth(last.deal.worth, last.began)):
            yield last, asked.part(last.deal, at, worth, currency=last.deal.worth.currency) or worth


def due_open(asked: Asked) -> Iterator[tuple[Step, Money]]:
    """The open deals that are to close in the period."""
    for step in asked.open().values():
        if asked.closes(step.deal) and (worth := asked.worth(step.deal.worth)):
            yield step, mine(asked, step, worth)


def mine(asked: Asked, step: Step, worth: Money) -> Money:
    """The part of an open deal that is of who is asked for."""
    part = asked.part(step.deal, asked.moment, worth, currency=step.deal.worth.currency)
    assert part
    return part


def taken_back(asked: Asked) -> dict[str, Decimal]:
    """Currency to what was won in the period and is not won any more; what has no rate is left out."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for currency, amount in reversed_wins(asked):
        found[currency] += amount
    return found


def category(asked: Asked, deal: Deal) -> str:
    """As judged by hand, else that of its stage; only a win is closed."""
    stage = asked.world.stage(deal.process, deal.version, deal.stage)
    found = deal.category or (stage["forecast_category"] if stage else "pipeline")
    return "commit" if found == "closed" else found


class Call(NamedTuple):
    """What somebody said of a figure: submitted it, or put it in the place of another one."""

    tag: str
    holder: str
    start: date
    end: date
    category: str
    currency: str
    amount: Decimal
    replaces: Decimal
    by: str


def calls(asked: Asked) -> list[Call]:
    """Those of the period, as they stood at the moment; of one figure, what was said last."""
    facts = [
        (fact.at, stream, fact.version, fact.says)
        for stream, facts in of_kind(asked.world.log, "forecast", asked.world.known_at).items()
        for fact in facts
        if fact.at <= asked.moment
    ]
    found: dict[Any, Call] = {}
    for _, _, _, says in sorted(facts, key=lambda fact: fact[:3]):
        each = Call(
            says["type"], says["holder"], date.fromisoformat(says["start"]), date.fromisoformat(says["end"]),
            says["category"], says["amount"]["currency"], Decimal(says["amount"]["amount"]),
            Decimal(says.get("replaces", says["amount"])["amount"]), says.get("adjusted_by", says["holder"]),
        )  # fmt: skip
        found[each[:6]] = each
    return [each for each in found.values() if (each.start, each.end) == asked.days()]


def counts_for(asked: Asked, holder: str, currency: str, holders: set[str]) -> bool:
    """Whether what is said of a holder is part of what is asked for: as set, and of everybody nothing twice."""
    question, group = asked.question, asked.group
    dimensions = [name for name in question.by if name in (*ASPECTS, "owner", "team", "currency")]
    if set(dimensions) & set(ASPECTS) or question.currency not in (None, currency):
        return False
    is_team = holder.startswith("team-")
    seller = "" if is_team else holder
    team = holder if is_team else asked.world.teams.team_of(holder, asked.moment)
    if question.owner is not None or "owner" in dimensions:
        fits = not is_team
    elif question.team is not None or "team" in dimensions:
        fits = is_team
    else:
        fits = is_team or team not in holders
    own = {"owner": seller, "team": team, "currency": question.convert_to or currency}
    if question.owner not in (None, seller) or question.team not in (None, team):
        return False
    return fits and all(own[name] == value for name, value in group.items())


def is_everybody(asked: Asked) -> bool:
    question = asked.question
    return not ({"owner", "team"} & set(question.by) or question.owner is not None or question.team is not None)


def forecast(asked: Asked) -> Iterator[Record]:
    """(currency, category, deals, amount, cumulative, reversed, submitted, adjusted, what it replaces, by whom)"""
    amounts: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for _, worth in closed(asked, "won"):
        amounts[worth.currency, "closed"].append(worth.amount)
    for step in asked.open().values():
        if not asked.closes(step.deal):
            continue
        if (bucket := category(asked, step.deal)) == "omitted":
            asked.left_out["omitted"] += 1
        elif worth := asked.worth(step.deal.worth):
            amounts[worth.currency, bucket].append(mine(asked, step, worth).amount)
    back = taken_back(asked)
    said: dict[tuple[str, str, str], list[Call]] = defaultdict(list)
    aspects = any(getattr(asked.question, name) is not None for name in ASPECTS)
    made = [] if aspects else calls(asked)
    committed = {each.holder for each in made if each.tag == "forecast-submitted"}
    for each in made:
        adjusted = each.tag == "forecast-adjusted"
        if adjusted and is_everybody(asked) != (each.holder == ""):
            continue
        if counts_for(asked, each.holder, each.currency, committed):
            said[each.tag, each.currency, each.category].append(each)
    there = {currency for currency, _ in amounts} | {currency for _, currency, _ in said} | {*back}
    for currency in sorted(there | {key[0] for key in asked.also}):
        cumulative = Decimal(0)
        for bucket in CATEGORIES:
            amount = total(amounts[currency, bucket])
            cumulative += amount
            submitted = [each.amount for each in said["forecast-submitted", currency, bucket]]
            by_hand = said["forecast-adjusted", currency, bucket]
            told = (by_hand[0].amount, by_hand[0].replaces, by_hand[0].by) if by_hand else (None, None, None)
            yield (
                currency, bucket, len(amounts[currency, bucket]), amount, cumulative,
                back.get(currency, Decimal(0)) if bucket == "closed" else Decimal(0),
                total(submitted) if submitted else None, *told,
            )  # fmt: skip


def quotas(asked: Asked) -> list[Quota]:
    """The targets of who is asked for within the period, none that lies within another one of the same holder."""
    first, last = asked.days()
    within = [each for each in asked.world.quotas if first <= each.start and each.end <= last]
    holders = {each.holder for each in within}
    found = [each for each in within if counts_for(asked, each.holder, each.amount.currency, holders)]
    return [each for each in found if not any(holds(other, each) for other in found)]


def holds(outer: Quota, inner: Quota) -> bool:
    alike = outer.holder == inner.holder and outer.amount.currency == inner.amount.currency
    return outer is not inner and alike and outer.start <= inner.start and inner.end <= outer.end


def coverage(asked: Asked) -> Iterator[Record]:
    """(currency, open, overdue, won and reversed amount, quota, remaining, coverage)"""
    names = ("open", "overdue", "won", "quota")
    parts: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: {name: [] for name in names})
    for _, worth in due_open(asked):
        parts[worth.currency]["open"].append(worth.amount)
    today, (_, last) = asked.world.calendar.day(asked.moment), asked.days()
    silently = replace(asked, left_out=Counter())
    for step in asked.open().values():
        day = step.deal.close_date
        if day is not None and day < today and day <= last and (worth := silently.worth(step.deal.worth)):
            parts[worth.currency]["overdue"].append(mine(asked, step, worth).amount)
    for _, worth in closed(asked, "won"):
        parts[worth.currency]["won"].append(worth.amount)
    back = taken_back(asked)
    for quota in quotas(asked):
        into = asked.question.convert_to
        rates, base = asked.world.rates, asked.question.base_currency
        worth = rates.convert(quota.amount, into, quota.start, base) if into else quota.amount
        if worth is None:
            reason = f"quota of {quota.holder}: no rate from {quota.amount.currency} to {into} on {quota.start}"
            asked.left_out[reason] += 1
        else:
            parts[worth.currency]["quota"].append(worth.amount)
    for currency in sorted({*parts, *back, *(key[0] for key in asked.also)}):
        still_open, overdue, won = (total(parts[currency][name]) for name in names[:3])
        quota = total(parts[currency]["quota"]) if parts[currency]["quota"] else None
        remaining = None if quota is None else max(quota - won, Decimal(0))
        ratio = minor(still_open, currency) / minor(remaining, currency) if remaining else None
        yield currency, still_open, overdue, won, back.get(currency, Decimal(0)), quota, remaining, ratio


def velocity(asked: Asked) -> Iterator[Record]:
    """(currency, open, won and reversed deals, win rate, mean won amount, mean cycle in days, velocity a day)"""
    still_open = Counter[str]()
    until = asked.question.until
    then = asked if until is None else asked.at(effective_at=min(asked.moment, until - 1))
    begun = asked.question.since is None or asked.question.since <= asked.moment
    for step in then.open().values() if begun else []:
        if worth := then.worth(step.deal.worth):
            still_open[worth.currency] += 1
    won: dict[str, list[tuple[Decimal, int]]] = defaultdict(list)
    lost, back = Counter[str](), Counter[str]()
    for step, worth in closed(asked, "won", "lost"):
        if step.deal.status == "won":
            won[worth.currency].append((worth.amount, step.began - step.deal.opened_at))
        else:
            lost[worth.currency] += 1
    for currency, _ in reversed_wins(asked):
        back[currency] += 1
    for currency in sorted({*still_open, *won, *lost, *back, *(key[0] for key in asked.also)}):
        wins, decided = len(won[currency]), len(won[currency]) + lost[currency]
        counts = currency, still_open[currency], wins, back[currency]
        if not wins:
            yield *counts, 0.0 if decided else None, None, None, None
            continue
        amount = Fraction(sum(amount for amount, _ in won[currency])) / wins
        cycle = Fraction(sum(cycle for _, cycle in won[currency]), wins * DAY)
        speed = still_open[currency] * Fraction(wins, decided) * amount / cycle if cycle else None
        shown = None if speed is None else to_minor(speed, currency)
        yield *counts, wins / decided, to_minor(amount, currency), float(cycle), shown


def to_minor(amount: Fraction, currency: str) -> Decimal:
    """Half away from zero; a fraction that is none in decimals is cut where it no longer matters."""
    finer = amount * 10 ** (digits(currency) + 1) * 10
    exact = Decimal(finer.numerator // finer.denominator).scaleb(-digits(currency) - 2)
    return rounded(exact, currency)


def ageing(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, deals, stale, contacted, never; means of days open, in stage; median; contact; oldest)"""
    now = asked.moment
    found: dict[tuple[str, str], list[tuple[int, int, int | None, bool]]] = defaultdict(list)
    for step in asked.open().values():
        deal = step.deal
        age, staying = now - deal.opened_at, now - step.began
        contact = max(0, now - max(deal.done.values())) if deal.done else None
        stage = asked.world.stage(deal.process, deal.version, deal.stage)
        limit = (stage["stale_days"] or 0) * DAY if stage else 0
        found[deal.process, deal.stage].append((age, staying, contact, 0 < limit < staying))
    for key in sorted({*found, *(key[:2] for key in asked.also)}, key=lambda key: asked.world.place(*key)):
        if not found[key]:
            yield *key, asked.world.name(*key), 0, 0, 0, 0, None, None, None, None, None
            continue
        ages, staying, contacts, stale = zip(*found[key], strict=True)
        since = [took for took in contacts if took is not None]
        yield (
            *key, asked.world.name(*key), len(ages), sum(stale), len(since), len(ages) - len(since), mean(ages),
            mean(staying), median(staying) / DAY, mean(since) if since else None, max(ages) // DAY,
        )  # fmt: skip


def mean(values: Any) -> float:
    """In days, of microseconds."""
    return sum(values) / (len(values) * DAY)


class Next(NamedTuple):
    """An open deal, and what is next to be done about it."""

    stream: str
    deal: Deal
    worth: Money
    due: date | None
    state: str


def follow_up(asked: Asked) -> Iterator[Record]:
    """(stream, owner, process, stage, currency, amount, due, days overdue, state), the most urgent first."""
    today = asked.world.calendar.day(asked.moment)
    queue = [
        Next(stream, step.deal, mine(asked, step, worth), *next_of(step.deal, today))
        for stream, step in asked.open().items()
        if (worth := asked.worth(step.deal.worth))
    ]
    middle = {
        each.worth.currency: median(
            other.worth.amount for other in queue if other.worth.currency == each.worth.currency
        )
        for each in queue
    }

    def urgency(each: Next) -> tuple[Any, ...]:
        largest_first = (-minor(*each.worth), each.stream)
        match each.state:
            case "no next step":
                section = 0 if each.worth.amount >= middle[each.worth.currency] else 4
                return section, each.worth.currency, *largest_first
            case "undated":
                return 3, "", *largest_first
            case state:
                return 1 if state == "overdue" else 2, each.due.isoformat() if each.due else "", *largest_first

    for each in sorted(queue, key=urgency):
        late = (today - each.due).days if each.due and each.state == "overdue" else 0
        deal, worth, due = each.deal, each.worth, each.due.isoformat() if each.due else ""
        yield each.stream, *deal_of(deal), worth.currency, worth.amount, due, late, each.state


def deal_of(deal: Deal) -> tuple[str, str, str]:
    return deal.owner, deal.process, deal.stage


def next_of(deal: Deal, today: date) -> tuple[date | None, str]:
    """When something is due, and how the deal stands by that."""
    waiting = [due for activity, due in deal.planned.items() if activity not in deal.done]
    days = [*waiting, *([deal.next_due] if deal.next_due else [])]
    if not days:
        return None, "undated" if deal.next_step else "no next step"
    return min(days), "overdue" if min(days) < today else "due"


METRICS = {
    "forecast": Recomputed(forecast, True, 2, ahead=True),
    "coverage": Recomputed(coverage, True, 1, ahead=True),
    "velocity": Recomputed(velocity, True, 1),
    "ageing": Recomputed(ageing, keys=3),
    "follow-up": Recomputed(follow_up),
}
