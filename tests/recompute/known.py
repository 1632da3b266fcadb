"""What stands beside the deals: processes, teams, rates, quotas and the calendar, as known at a position."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.recompute.fold import Money, Raw, Stands, digits, money, standing

END = 2**63 - 1
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
DAY = 86_400_000_000

Stage = dict[str, Any]


def of_kind(log: Sequence[Raw], kind: str, known_at: int) -> dict[str, list[Stands]]:
    """The standing facts of every stream of a kind that has some."""
    streams = sorted({raw.stream for raw in log if raw.stream.startswith(f"{kind}-")})
    found = {stream: standing(log, stream, known_at) for stream in streams}
    return {stream: facts for stream, facts in found.items() if facts}


def processes(log: Sequence[Raw], known_at: int) -> dict[tuple[str, int], list[Stage]]:
    """(process, version) to its stages in their order, whenever they were published."""
    versions: dict[tuple[str, int], dict[str, Stage]] = defaultdict(dict)
    for process, facts in of_kind(log, "process", known_at).items():
        for fact in facts:
            if fact.tag == "process-published":
                stages = versions[process, fact.says["process_version"]]
                qualifying = fact.says.get("qualifying_stage") or ""
                stages.update({stage["id"]: stage | {"qualifying": qualifying} for stage in fact.says["stages"]})
            elif fact.tag == "stage-renamed":
                stages = versions[process, fact.says["process_version"]]
                if fact.says["stage"] in stages:
                    stages[fact.says["stage"]] = stages[fact.says["stage"]] | {"name": fact.says["name"]}
    return {
        version: sorted(stages.values(), key=lambda stage: (stage["order"], stage["id"]))
        for version, stages in versions.items()
        if stages
    }


class Ladder(NamedTuple):
    """The open stages of a process version in their order, and the stage that winning is."""

    opens: list[str]
    won: list[str]

    def step(self, stage: str, status: str) -> int:
        """From 1; winning lies past the last; 0 for what is no step."""
        if status == "won":
            return len(self.opens) + 1
        return self.opens.index(stage) + 1 if status == "open" and stage in self.opens else 0


def ladder(stages: Sequence[Stage]) -> Ladder:
    return Ladder(
        [stage["id"] for stage in stages if stage["kind"] == "open"],
        [stage["id"] for stage in stages if stage["kind"] == "won"][:1],
    )


class Teams:
    """Who was in which team when."""

    def __init__(self, log: Sequence[Raw], known_at: int) -> None:
        self.facts = of_kind(log, "team", known_at)

    def team_of(self, owner: str, moment: int) -> str:
        """Somebody in two counts for the first by name of its stream; empty for none, but never before the first."""
        joined = [at for at in self.instants() if self.listed(owner, at)]
        return self.listed(owner, max(moment, joined[0])) if joined else ""

    def instants(self) -> list[int]:
        """When any team changed."""
        return sorted({fact.at for facts in self.facts.values() for fact in facts})

    def listed(self, owner: str, moment: int) -> str:
        """The team that somebody is a member of, as the teams stand at a moment."""
        for team, facts in sorted(self.facts.items()):
            before = [fact for fact in facts if fact.at <= moment]
            if before and owner in before[-1].says["members"]:
                return team
        return ""


class Rates:
    """What currencies were worth in others, by the rate dated on or before a day."""

    def __init__(self, log: Sequence[Raw], known_at: int) -> None:
        self.of: dict[tuple[str, str], dict[date, Decimal]] = defaultdict(dict)
        each: dict[Any, Stands] = {}
        for stream, facts in of_kind(log, "rate", known_at).items():
            for fact in facts:  # what a stream says of a day last
                each[stream, fact.says["base"], fact.says["quote"], fact.says["day"]] = fact
        for fact in sorted(each.values(), key=lambda fact: fact.position):  # and of streams, which said it last
            says = fact.says
            self.of[says["base"], says["quote"]][date.fromisoformat(says["day"])] = Decimal(says["rate"])

    def convert(self, worth: Money, into: str, on: date, base: str | None = None) -> Money | None:
        if worth.currency == into:
            return worth
        rate = self.rate(worth.currency, into, on)
        if rate is None and base and base not in (worth.currency, into):
            legs = self.rate(worth.currency, base, on), self.rate(base, into, on)
            rate = None if None in legs else legs[0] * legs[1]  # type: ignore[operator]
        if rate is None:
            return None
        units = Fraction(worth.amount) * 10 ** digits(into) * rate
        return Money(Decimal(int(units + Fraction(1, 2))).scaleb(-digits(into)), into)

    def rate(self, currency: str, into: str, on: date) -> Fraction | None:
        """As it was quoted, or else the other way round."""
        for pair, power in (((currency, into), 1), ((into, currency), -1)):
            days = [day for day in self.of.get(pair, {}) if day <= on]
            if days:
                return Fraction(self.of[pair][max(days)]) ** power
        return None


class Calendar:
    """Days in the organisation's zone, and the months and fiscal quarters that they make."""

    def __init__(self, log: Sequence[Raw], known_at: int) -> None:
        facts = standing(log, "calendar-organisation", known_at)
        says = facts[-1].says if facts else {"zone": "UTC", "fiscal_year_start": 1}
        self.zone, self.first_month = ZoneInfo(says["zone"]), says["fiscal_year_start"]

    def day(self, moment: int) -> date:
        return (EPOCH + moment * MICROSECOND).astimezone(self.zone).date()

    def start(self, day: date) -> int:
        return (datetime.combine(day, time(), self.zone) - EPOCH) // MICROSECOND

    def label(self, unit: str, day: date) -> str:
        """The name of the week, month or fiscal quarter of a day."""
        if unit == "week":
            return "{}-W{:02}".format(*day.isocalendar()[:2])
        if unit == "month":
            return f"{day:%Y-%m}"
        since_start = (day.month - self.first_month) % 12
        year = day.year + (day.month >= self.first_month > 1)  # a year is named by its end
        return f"{'FY' if self.first_month > 1 else ''}{year}-Q{since_start // 3 + 1}"

    def periods(self, unit: str, since: int, until: int) -> Iterator[tuple[str, int, int]]:
        """(label, since, until), found by going through the days."""
        found: dict[str, list[date]] = {}
        day, last = self.day(since), self.day(until - 1)
        while day <= last:
            found.setdefault(self.label(unit, day), []).append(day)
            day += timedelta(days=1)
        for label, days in found.items():
            yield label, max(since, self.start(days[0])), min(until, self.start(days[-1] + timedelta(days=1)))


class Quota(NamedTuple):
    holder: str
    start: date
    end: date
    amount: Money


def quotas(log: Sequence[Raw], known_at: int) -> list[Quota]:
    """The targets that stand, by holder, days and currency; of several streams, what was said last."""
    each: dict[Any, Stands] = {}
    for stream, facts in of_kind(log, "quota", known_at).items():
        for fact in facts:
            each[stream, fact.says["holder"], fact.says["start"], fact.says["end"]] = fact
    found: dict[Any, Quota] = {}
    for fact in sorted(each.values(), key=lambda fact: fact.position):
        says = fact.says
        start, end = date.fromisoformat(says["start"]), date.fromisoformat(says["end"])
        amount = money(says["amount"])
        found[says["holder"], start, end, amount.currency] = Quota(says["holder"], start, end, amount)
    return list(found.values())
