"""Numbers that look ahead: the forecast, its coverage of the quota, how fast, what grows old, and what is to do."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from fractions import Fraction
from statistics import median
from typing import Any, NamedTuple

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import Deal, Money, Step, digits, rounded
from tests.recompute.known import DAY, Quota, of_kind
from tests.recompute.moments import minor, total

CATEGORIES = ("closed", "commit", "best-case", "pipeline")
ASPECTS = ("pipeline", "product", "source")  # of deals, which neither a quota nor an adjustment has


def closed(asked: Asked, *statuses: str) -> Iterator[tuple[Step, Money]]:
    """The deals that were closed in the period, by their last closing, each at the rate of that day."""
    for steps in asked.past().values():
        last = steps[-1]
        counts = last.deal.status in statuses and asked.during(last.began)
        if counts and (worth := asked.worth(last.deal.worth, last.began)):
            yield last, worth


def due_open(asked: Asked) -> Iterator[tuple[Step, Money]]:
    """The open deals that are to close in the period."""
    for step in asked.open().values():
        if asked.closes(step.deal) and (worth := asked.worth(step.deal.worth)):
            yield step, worth


def category(asked: Asked, deal: Deal) -> str:
    """As judged by hand, else that of its stage; only a win is closed."""
    stage = asked.world.stage(deal.process, deal.version, deal.stage)
    found = deal.category or (stage["forecast_category"] if stage else "pipeline")
    return "commit" if found == "closed" else found


class Adjusted(NamedTuple):
    """What a manager said in the place of a figure."""

    holder: str
    start: date
    end: date
    category: str
    currency: str
    amount: Decimal
    replaces: Decimal
    by: str


def adjustments(asked: Asked) -> list[Adjusted]:
    """Those of the period, as they stood at the moment; of one figure, what was said last."""
    facts = [
        (fact.at, stream, fact.version, fact.says)
        for stream, facts in of_kind(asked.world.log, "forecast", asked.world.known_at).items()
        for fact in facts
        if fact.tag == "forecast-adjusted" and fact.at <= asked.question.effective_at
    ]
    found: dict[Any, Adjusted] = {}
    for _, _, _, says in sorted(facts, key=lambda fact: fact[:3]):
        amount, replaces = Decimal(says["amount"]["amount"]), Decimal(says["replaces"]["amount"])
        each = Adjusted(
            says["holder"], date.fromisoformat(says["start"]), date.fromisoformat(says["end"]), says["category"],
            says["amount"]["currency"], amount, replaces, says["adjusted_by"],
        )  # fmt: skip
        found[each[:5]] = each
    return [each for each in found.values() if (each.start, each.end) == asked.days()]


def holder(asked: Asked) -> str | None:
    """Whose figure is asked for, empty for everybody's; None where nobody holds such a one."""
    question = asked.question
    if any(getattr(question, name) is not None or name in question.by for name in ASPECTS):
        return None
    named = [asked.group.get(name) or getattr(question, name) for name in ("owner", "team")]
    return next((name for name in named if name), "")


def forecast(asked: Asked) -> Iterator[Record]:
    """(currency, category, deals, amount, cumulative, adjusted, what it replaces, by whom)"""
    amounts: dict[tuple[str, str], list[Decimal]] = defaultdict(list)
    for _, worth in closed(asked, "won"):
        amounts[worth.currency, "closed"].append(worth.amount)
    for step in asked.open().values():
        if not asked.closes(step.deal):
            continue
        if (bucket := category(asked, step.deal)) == "omitted":
            asked.left_out["omitted"] += 1
        elif worth := asked.worth(step.deal.worth):
            amounts[worth.currency, bucket].append(worth.amount)
    said = {
        (each.currency, each.category): each
        for each in adjustments(asked)
        if each.holder == holder(asked) and asked.question.currency in (None, each.currency)
        if asked.group.get("currency", each.currency) == each.currency
    }
    for currency in sorted({currency for currency, _ in (*amounts, *said)}):
        cumulative = Decimal(0)
        for bucket in CATEGORIES:
            amount = total(amounts[currency, bucket])
            cumulative += amount
            by_hand = said.get((currency, bucket))
            told = (by_hand.amount, by_hand.replaces, by_hand.by) if by_hand else (None, None, None)
            yield currency, bucket, len(amounts[currency, bucket]), amount, cumulative, *told


def holders(asked: Asked) -> Iterator[tuple[str, ...]]:
    """The groups of those who hold quotas or whose forecast was adjusted, whether they have deals or not."""
    dimensions = [name for name in asked.question.by if name in (*ASPECTS, "owner", "team", "currency")]
    if set(dimensions) & set(ASPECTS):
        return
    held = [(each.holder, each.amount.currency) for each in asked.world.quotas]
    for holder, currency in (*held, *((each.holder, each.currency) for each in adjustments(asked))):
        is_team = holder.startswith("team-")
        team = holder if is_team else asked.world.teams.team_of(holder, asked.question.effective_at)
        seller = "" if is_team else holder
        own = {"owner": seller, "team": team, "currency": asked.question.convert_to or currency}
        yield tuple(own[name] for name in dimensions)


def quotas(asked: Asked) -> list[Quota]:
    """The targets of who is asked for within the period, none that lies within another one of the same holder."""
    question, (first, last) = asked.question, asked.days()
    if any(name in question.by for name in ASPECTS):
        return []
    within = [each for each in asked.world.quotas if first <= each.start and each.end <= last]
    owner, team = ({asked.group.get(name), getattr(question, name)} - {None} for name in ("owner", "team"))
    sellers = [each for each in within if not each.holder.startswith("team-")]
    if owner:
        teams = {each.holder: asked.world.teams.team_of(each.holder, question.effective_at) for each in sellers}
        found = [each for each in sellers if owner == {each.holder} and team <= {teams[each.holder]}]
    elif team:
        found = [each for each in within if {each.holder} == team]
    else:
        found = sellers or within
    if question.currency is not None:
        found = [each for each in found if each.amount.currency == question.currency]
    return [each for each in found if not any(holds(other, each) for other in found)]


def holds(outer: Quota, inner: Quota) -> bool:
    alike = outer.holder == inner.holder and outer.amount.currency == inner.amount.currency
    return outer is not inner and alike and outer.start <= inner.start and inner.end <= outer.end


def coverage(asked: Asked) -> Iterator[Record]:
    """(currency, open amount, won amount, quota, remaining, coverage)"""
    parts: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: {"open": [], "won": [], "quota": []})
    for _, worth in due_open(asked):
        parts[worth.currency]["open"].append(worth.amount)
    for _, worth in closed(asked, "won"):
        parts[worth.currency]["won"].append(worth.amount)
    for quota in quotas(asked):
        into = asked.question.convert_to
        worth = asked.world.rates.convert(quota.amount, into, quota.start) if into else quota.amount
        if worth is None:
            reason = f"quota of {quota.holder}: no rate from {quota.amount.currency} to {into} on {quota.start}"
            asked.left_out[reason] += 1
        elif asked.group.get("currency", worth.currency) == worth.currency:
            parts[worth.currency]["quota"].append(worth.amount)
    for currency in sorted(parts):
        still_open, won = total(parts[currency]["open"]), total(parts[currency]["won"])
        quota = total(parts[currency]["quota"]) if parts[currency]["quota"] else None
        remaining = None if quota is None else max(quota - won, Decimal(0))
        ratio = minor(still_open, currency) / minor(remaining, currency) if remaining else None
        yield currency, still_open, won, quota, remaining, ratio


def velocity(asked: Asked) -> Iterator[Record]:
    """(currency, open deals, win rate, mean won amount, mean cycle in days, velocity a day)"""
    still_open = Counter[str]()
    for step in asked.open().values():
        if worth := asked.worth(step.deal.worth):
            still_open[worth.currency] += 1
    won: dict[str, list[tuple[Decimal, int]]] = defaultdict(list)
    lost = Counter[str]()
    for step, worth in closed(asked, "won", "lost"):
        if step.deal.status == "won":
            won[worth.currency].append((worth.amount, step.began - step.deal.opened_at))
        else:
            lost[worth.currency] += 1
    for currency in sorted({*still_open, *won, *lost}):
        wins, decided = len(won[currency]), len(won[currency]) + lost[currency]
        if not wins:
            yield currency, still_open[currency], 0.0 if decided else None, None, None, None
            continue
        amount = Fraction(sum(amount for amount, _ in won[currency])) / wins
        cycle = Fraction(sum(cycle for _, cycle in won[currency]), wins * DAY)
        speed = still_open[currency] * Fraction(wins, decided) * amount / cycle if cycle else None
        shown = None if speed is None else to_minor(speed, currency)
        yield currency, still_open[currency], wins / decided, to_minor(amount, currency), float(cycle), shown


def to_minor(amount: Fraction, currency: str) -> Decimal:
    """Half away from zero; a fraction that is none in decimals is cut where it no longer matters."""
    finer = amount * 10 ** (digits(currency) + 1) * 10
    exact = Decimal(finer.numerator // finer.denominator).scaleb(-digits(currency) - 2)
    return rounded(exact, currency)


def ageing(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, deals, stale, means of days open, in stage; median; mean since contact; oldest)"""
    now = asked.world.now(asked.question.effective_at)
    found: dict[tuple[str, str], list[tuple[int, int, int | None, bool]]] = defaultdict(list)
    for step in asked.open().values():
        deal = step.deal
        age, staying = (now - deal.opened_at) // DAY, (now - step.began) // DAY
        contact = max(0, now - max(deal.done.values())) // DAY if deal.done else None
        stage = asked.world.stage(deal.process, deal.version, deal.stage)
        limit = (stage["stale_days"] or 0) if stage else 0
        found[deal.process, deal.stage].append((age, staying, contact, 0 < limit < staying))
    for key in sorted(found, key=lambda key: asked.world.place(*key)):
        ages, stays, contacts, stale = zip(*found[key], strict=True)
        since = [days for days in contacts if days is not None]
        yield (
            *key, asked.world.name(*key), len(ages), sum(stale), mean(ages), mean(stays), float(median(stays)),
            mean(since) if since else None, max(ages),
        )  # fmt: skip


def mean(values: Any) -> float:
    return sum(values) / len(values)


class Next(NamedTuple):
    """An open deal, and what is next to be done about it."""

    stream: str
    deal: Deal
    worth: Money
    due: date | None
    state: str


def follow_up(asked: Asked) -> Iterator[Record]:
    """(stream, owner, process, stage, currency, amount, due, days overdue, state), the most urgent first."""
    today = asked.world.calendar.day(asked.world.now(asked.question.effective_at))
    queue = [
        Next(stream, step.deal, worth, *next_of(step.deal, today))
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
    "forecast": Recomputed(forecast, True, holders),
    "coverage": Recomputed(coverage, True, holders),
    "velocity": Recomputed(velocity, True),
    "ageing": Recomputed(ageing),
    "follow-up": Recomputed(follow_up),
}
