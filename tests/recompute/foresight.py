"""How near what was called of the forecast came to what was won, call by call."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import Money, money
from tests.recompute.known import DAY, of_kind
from tests.recompute.moments import minor
from tests.recompute.planning import closed

ORDER = ("commit", "best-case", "pipeline")


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

    @property
    def figure(self) -> tuple[Any, ...]:
        return *self.aim, self.category

    @property
    def aim(self) -> tuple[Any, ...]:
        return self.kind, self.holder, self.start, self.end, self.amount.currency


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


def forecast_accuracy(asked: Asked) -> Iterator[Record]:
    """(holder, kind, category, currency, calls, days ahead, expected, won, error, bias, and their shares)"""
    calendar, every = asked.world.calendar, made(asked)
    found: dict[tuple[str, ...], list[tuple[int, Decimal, Decimal]]] = defaultdict(list)
    chosen: list[Made] = []
    for call in every:
        over = calendar.start(call.end + timedelta(days=1))
        if asked.moment >= over > call.at and inside(asked, call) and counts(asked, call):
            if asked.question.mode == "last":
                chosen = [other for other in chosen if other.figure != call.figure]
            chosen.append(call)
    for call in chosen:
        over, into = calendar.start(call.end + timedelta(days=1)), asked.question.convert_to
        stood = [each for each in every if each.aim == call.aim and each.at <= call.at < each.until]
        then = {each.category: each.amount.amount for each in stood}
        then[call.category] = call.amount.amount
        called = sum((then.get(name, Decimal(0)) for name in ORDER[: ORDER.index(call.category) + 1]), Decimal(0))
        worth = asked.worth(Money(called, call.amount.currency), call.at)
        if worth is None:
            continue
        team = call.holder if call.holder.startswith("team-") else None
        owner = call.holder if call.holder and team is None else None
        own = replace(asked, group={}, left_out=Counter()).at(
            since=calendar.start(call.start), until=over, owner=owner, team=team, by=()
        )
        wins = [(step.began, each.amount) for step, each in closed(own, "won") if each.currency == worth.currency]
        won = sum((amount for _, amount in wins), Decimal(0))
        expected = worth.amount + sum((amount for at, amount in wins if at <= call.at), Decimal(0))
        key = call.holder, call.kind, call.category, into or call.amount.currency
        found[key].append((over - call.at, expected, won))
    for key in sorted({*found, *asked.also}, key=lambda key: (*key[:2], key[3], ORDER.index(key[2]))):
        calls = found[key]
        expected, won = (sum((each[field] for each in calls), Decimal(0)) for field in (1, 2))
        error = sum((abs(each[1] - each[2]) for each in calls), Decimal(0))
        days = sum(each[0] for each in calls) / (len(calls) * DAY) if calls else None
        shares = (minor(off, key[3]) / minor(won, key[3]) if won else None for off in (error, expected - won))
        yield *key, len(calls), days, expected, won, error, expected - won, *shares


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


METRICS = {"forecast-accuracy": Recomputed(forecast_accuracy, True, 4)}
