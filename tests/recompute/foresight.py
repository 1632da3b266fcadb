"""How near what people and models forecast came to what was won, call by call."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from math import comb
from typing import Any, NamedTuple

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import Money, money
from tests.recompute.known import DAY, of_kind
from tests.recompute.moments import minor
from tests.recompute.planning import closed

ORDER = ("commit", "best-case", "pipeline")
LEADS = (90, 60, 30, 14, 7, 0)


class Made(NamedTuple):
    """A call, from when until when it stood, until it was made anew."""

    at: int
    until: int
    kind: str
    holder: str
    start: date
    end: date
    category: str
    amount: Money
    model: str = ""

    @property
    def figure(self) -> tuple[Any, ...]:
        return *self.aim, self.category

    @property
    def aim(self) -> tuple[Any, ...]:
        return self.kind, self.holder, self.start, self.end, self.amount.currency, self.model

    @property
    def days(self) -> tuple[Any, ...]:
        return self.start, self.end, self.amount.currency


def made(asked: Asked) -> list[Made]:
    """Every call that stood for a while, in the order in which they were made."""
    found: list[tuple[int, str, int, Made]] = []
    for stream, facts in of_kind(asked.world.log, "forecast", asked.world.known_at).items():
        later: dict[Any, int] = {}
        for fact in reversed(facts):
            says = fact.says
            days = date.fromisoformat(says["start"]), date.fromisoformat(says["end"])
            kind = says["type"].removeprefix("forecast-")
            one = Made(fact.at, 2**63, kind, says["holder"], *days, says["category"], money(says["amount"]))
            one = one._replace(until=later.get(one.figure, 2**63))
            later[one.figure] = fact.at
            if one.at < one.until:
                found.append((fact.at, stream, fact.version, one))
    return [each[3] for each in sorted(found, key=lambda each: each[:3])]


def issued(asked: Asked) -> list[dict[tuple[str, str], Made]]:
    """Of every forecast of a model what it says of each group, by level."""
    latest: dict[tuple[Any, ...], tuple[int, int, Any]] = {}
    for stream, facts in of_kind(asked.world.log, "outlook", asked.world.known_at).items():
        for fact in facts:
            if fact.tag == "forecast-issued" and fact.at <= asked.moment:
                says = fact.says
                for each in says["figures"]:
                    days = says["start"], says["end"], says["currency"], says["as_of"]
                    key = stream, *days, says["model"], each["level"], each["group"]
                    latest[key] = says["version"], each["amount"]["mean"]
    found: dict[Any, dict[tuple[str, str], Made]] = defaultdict(dict)
    for (stream, start, end, currency, as_of, model, level, group), (version, amount) in latest.items():
        at = asked.world.calendar.start(date.fromisoformat(as_of) + timedelta(days=1))
        days, name = (date.fromisoformat(start), date.fromisoformat(end)), f"{model} {version}"
        if level == "total" or (level in ("team", "owner") and group):
            one = Made(at, 2**63, "model", group, *days, "", Money(Decimal(amount), currency), name)
            found[stream, start, end, currency, as_of, name][level, group] = one
    return list(found.values())


def beside(asked: Asked, people: list[Made]) -> Iterator[Made]:
    """What models forecast of the same as people did; of everybody all, where nobody called that."""
    for of in issued(asked):
        first = next(iter(of.values()))
        callers = {call.holder for call in people if call.days == first.days}
        if not any(call.holder == "" and call.amount.currency == first.amount.currency for call in people):
            callers.add("")
        for holder in callers:
            level = "team" if holder.startswith("team-") else "owner" if holder else "total"
            if (level, holder) in of:
                yield of[level, holder]
            elif any(other == level for other, _ in of):
                yield first._replace(holder=holder, amount=Money(Decimal(0), first.amount.currency))


def counted(asked: Asked, calls: list[Made]) -> Iterator[tuple[int | None, Made]]:
    """The calls that the mode counts, each with the days before the end at which it stood, in mode lead."""
    if asked.question.mode == "every":
        yield from ((None, call) for call in calls)
        return
    for lead in LEADS if asked.question.mode == "lead" else (None,):
        last: dict[Any, Made] = {}
        for call in calls:
            if call.at <= asked.world.calendar.start(call.end + timedelta(days=1 - (lead or 0))):
                last[call.figure] = call
        yield from ((lead, call) for call in last.values())


def forecast_accuracy(asked: Asked) -> Iterator[Record]:
    """(holder, lead, kind, model, category, currency, calls, those under, days ahead, expected, won, error, bias, and
    their shares, lean)
    """
    calendar, every = asked.world.calendar, made(asked)
    found: dict[tuple[Any, ...], list[tuple[int, Decimal, Decimal]]] = defaultdict(list)

    def judged(call: Made) -> bool:
        over = calendar.start(call.end + timedelta(days=1))
        return asked.moment >= over > call.at and inside(asked, call) and counts(asked, call)

    people = [call for call in every if judged(call)]
    models = sorted((call for call in beside(asked, people) if judged(call)), key=lambda call: call.at)
    for lead, call in counted(asked, people + models):
        over, into = calendar.start(call.end + timedelta(days=1)), asked.question.convert_to
        stood = [each for each in every if each.aim == call.aim and each.at <= call.at < each.until]
        then = {each.category: each.amount.amount for each in stood}
        then[call.category] = call.amount.amount
        surer = ORDER[: ORDER.index(call.category) + 1] if call.category else ("",)
        called = sum((then.get(name, Decimal(0)) for name in surer), Decimal(0))
        worth = asked.worth(Money(called, call.amount.currency), call.at - (1 if call.model else 0))
        if worth is None:
            continue
        team = call.holder if call.holder.startswith("team-") else None
        owner = call.holder if call.holder and team is None else None
        own = replace(asked, group={}, left_out=Counter()).at(
            since=calendar.start(call.start), until=over, owner=owner, team=team, by=()
        )
        wins = [(step.began, each.amount) for step, each in closed(own, "won") if each.currency == worth.currency]
        won = sum((amount for _, amount in wins), Decimal(0))
        expected = worth.amount + sum((amount for at, amount in wins if at <= call.at and not call.model), Decimal(0))
        key = call.holder, lead, call.kind, call.model, call.category, into or call.amount.currency
        found[key].append((over - call.at, expected, won))
    for key in sorted({*found, *asked.also}, key=in_rows):
        calls = found[key]
        expected, won = (sum((each[field] for each in calls), Decimal(0)) for field in (1, 2))
        error = sum((abs(each[1] - each[2]) for each in calls), Decimal(0))
        days = sum(each[0] for each in calls) / (len(calls) * DAY) if calls else None
        shares = (minor(off, key[5]) / minor(won, key[5]) if won else None for off in (error, expected - won))
        under = sum(each[1] < each[2] for each in calls)
        side = "" if asked.question.mode == "every" else leaning([each[1] - each[2] for each in calls], won)
        yield *key, len(calls), under, days, expected, won, error, expected - won, *shares, side


def in_rows(key: tuple[Any, ...]) -> tuple[Any, ...]:
    holder, lead, kind, model, category, currency = key
    return holder, -(lead or 0), kind, model, currency, ORDER.index(category) if category else 0


def leaning(biases: list[Decimal], won: Decimal) -> str:
    """To which side calls are off far more often than by chance, and by a twentieth of what was won in all."""
    total = sum(biases, Decimal(0))
    if not total or abs(total) < won / 20:
        return ""
    most = sum((bias > 0) == (total > 0) and bias != 0 for bias in biases)
    chance = sum(comb(len(biases), count) for count in range(most, len(biases) + 1)) / 2 ** len(biases)
    return "" if chance > 0.05 else "over" if total > 0 else "under"


def inside(asked: Asked, call: Made) -> bool:
    """Whether the days of a call are all days of the period."""
    since, until, day = asked.question.since, asked.question.until, asked.world.calendar.day
    return (since is None or day(since) <= call.start) and (until is None or call.end <= day(until - 1))


def counts(asked: Asked, call: Made) -> bool:
    """Whether a call is one of the sellers' or teams' that are asked for."""
    question = asked.question
    of_team, currency = call.holder.startswith("team-"), call.amount.currency
    seller, team = call.holder, asked.world.teams.team_of(call.holder, asked.moment)
    if question.owner is not None or "owner" in question.by:
        if of_team or not call.holder:
            return False
    elif question.team is not None or "team" in question.by:
        if not of_team:
            return False
        seller, team = "", call.holder
    own = {"owner": seller, "team": team, "currency": currency}
    if any(getattr(question, name) not in (None, value) for name, value in own.items()):
        return False
    own["currency"] = question.convert_to or currency
    return all(own[name] == value for name, value in asked.group.items())


METRICS = {"forecast-accuracy": Recomputed(forecast_accuracy, True, 6)}
