"""A question asked of a history by brute force: all that is known, the deals that stand, group by group."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import product
from types import SimpleNamespace
from typing import Any, NamedTuple

from tests.recompute.fold import GONE, Deal, Lead, Money, Raw, Step, deal_steps, digits, lead_steps
from tests.recompute.known import END, Calendar, Ladder, Rates, Stage, Teams, ladder, of_kind, processes, quotas

DIMENSIONS = ("pipeline", "owner", "team", "product", "source", "currency")
UNITS = ("week", "month", "quarter")
ASKED = (
    "known_at", "effective_at", *DIMENSIONS, "since", "until", "by", "convert_to", "base_currency", "attribute", "mode",
    "cohort", "stage", "closes_since", "closes_until", "known_before", "within",
)  # fmt: skip
Record = tuple[Any, ...]
Key = tuple[Any, ...]
Group = Mapping[str, str]


class World:
    """All that is known at a position."""

    def __init__(self, log: Sequence[Raw], known_at: int) -> None:
        self.log, self.known_at = log, known_at
        self.deals: dict[str, list[Step]] = {
            stream: steps
            for stream, facts in of_kind(log, "opportunity", known_at).items()
            if (steps := deal_steps(facts))
        }
        self.leads: dict[str, list[Lead]] = {
            stream: steps for stream, facts in of_kind(log, "lead", known_at).items() if (steps := lead_steps(facts))
        }
        self.processes = processes(log, known_at)
        self.teams, self.rates = Teams(log, known_at), Rates(log, known_at)
        self.calendar, self.quotas = Calendar(log, known_at), quotas(log, known_at)

    def ladder(self, process: str, version: int) -> Ladder:
        return ladder(self.processes.get((process, version), []))

    def stage(self, process: str, version: int, stage: str) -> Stage | None:
        found = [each for each in self.processes.get((process, version), []) if each["id"] == stage]
        return found[0] if found else None

    def newest(self, process: str, stage: str) -> Stage | None:
        """A stage as the newest version that has it says."""
        versions = sorted(version for of, version in self.processes if of == process)
        found = [each for version in versions if (each := self.stage(process, version, stage))]
        return found[-1] if found else None

    def name(self, process: str, stage: str) -> str:
        found = self.newest(process, stage)
        return found["name"] if found else ""

    def place(self, process: str, stage: str) -> tuple[str, int, str]:
        """By what stages are ordered; one that no version has comes last."""
        found = self.newest(process, stage)
        return process, found["order"] if found else END, stage

    def now(self) -> int:
        """When the newest known of all deals and leads happened; 0 where nothing did, as the clock stands there."""
        happened = [step.at for of in (self.deals, self.leads) for steps in of.values() for step in steps]
        return max([0, *happened])


class Portion(NamedTuple):
    """What one seller has of one product in a deal."""

    owner: str
    product: str
    worth: Money | None


def shares(amount: int, weights: Sequence[tuple[str, Fraction]]) -> list[int]:
    """Whole units by weight: the largest remainders get one more, of equal ones the first by name."""
    exact = {name: amount * weight for name, weight in weights}
    found = {name: int(share) for name, share in exact.items()}
    left = sorted(exact, key=lambda name: (found[name] - exact[name], name))
    for name in left[: amount - sum(found.values())]:
        found[name] += 1
    return [found[name] for name, _ in weights]


def portions(deal: Deal, worth: Money | None, by_seller: bool, by_product: bool) -> Iterator[Portion]:
    """A deal's parts: first of the sellers, then, of what each has, of the products."""
    sellers = [(owner, Fraction(share)) for owner, share in sorted(deal.splits.items())]
    sellers = sellers if sellers and by_seller else [(deal.owner, Fraction(1))]
    totals = Counter[str]()
    for name, of in deal.lines.values():
        totals[name] += int(of.amount.scaleb(digits(of.currency)))
    all_of_it = totals.total()
    products = [
        (n, Fraction(units, all_of_it) if all_of_it else Fraction(1, len(totals))) for n, units in totals.items()
    ]
    products = sorted(products) if products and by_product else [(deal.product, Fraction(1))]
    if worth is None:
        yield from (Portion(owner, name, None) for owner, _ in sellers for name, _ in products)
        return
    places = digits(worth.currency)
    for (owner, _), units in zip(sellers, shares(int(worth.amount.scaleb(places)), sellers), strict=True):
        for (name, _), part in zip(products, shares(units, products), strict=True):
            yield Portion(owner, name, Money(Decimal(part).scaleb(-places), worth.currency))


def root_of(stand: Mapping[str, Sequence[Lead]], stream: str) -> str:
    """The lead that one was merged into in the end; of leads merged into one another, the first by name."""
    way = [stream]
    while way[-1] in stand and stand[way[-1]][-1].status == "merged":
        into = stand[way[-1]][-1].survivor
        if into in way:
            return min(way[way.index(into) :])
        way.append(into)
    return way[-1]


@dataclass
class Asked:
    """A question on its way, and what it leaves out: how many deals by reason.

    also: the keys of records that there are in other periods, so that there is one here too.
    """

    world: World
    question: Any
    group: Group = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)
    also: set[Key] = field(default_factory=set)

    def at(self, **changes: Any) -> "Asked":
        """The question with something else in it."""
        changed = {name: getattr(self.question, name, None) for name in ASKED} | changes
        return Asked(self.world, SimpleNamespace(**changed), self.group, self.left_out, self.also)

    def of(self, group: Group, also: set[Key]) -> "Asked":
        """The question about one group."""
        return Asked(self.world, self.question, group, self.left_out, also)

    @property
    def moment(self) -> int:
        return self.question.effective_at

    def values(self, deal: Deal, portion: Portion, at: int, process: str | None, currency: str) -> dict[str, str]:
        """What a part of a deal can be filtered by."""
        team = self.world.teams.team_of(portion.owner, at)
        return {
            "pipeline": deal.process if process is None else process, "owner": portion.owner, "team": team,
            "product": portion.product, "source": deal.source, "currency": currency,
        }  # fmt: skip

    def mine(
        self, deal: Deal, at: int, worth: Money | None = None, process: str | None = None, currency: str | None = None
    ) -> list[Money | None]:
        """The parts of a deal, as it belonged to somebody at an instant, that the filters and the group let through."""
        asked = {*self.group, *(name for name in DIMENSIONS if getattr(self.question, name) is not None)}
        asked |= {name for name in self.question.by if name in DIMENSIONS}
        found: list[Money | None] = []
        for portion in portions(deal, worth, bool(asked & {"owner", "team"}), "product" in asked):
            values = self.values(deal, portion, at, process, currency or deal.worth.currency)
            filters = ((name, getattr(self.question, name)) for name in DIMENSIONS)
            fits = all(wanted in (None, values[name]) for name, wanted in filters)
            into = self.question.convert_to
            grouped = values | ({"currency": into} if into else {})
            if fits and all(grouped[name] == wanted for name, wanted in self.group.items()):
                found.append(portion.worth)
        return found

    def belongs(self, deal: Deal, at: int, process: str | None = None, currency: str | None = None) -> bool:
        return bool(self.mine(deal, at, None, process, currency))

    def part(
        self, deal: Deal, at: int, worth: Money, process: str | None = None, currency: str | None = None
    ) -> Money | None:
        """What a deal is worth to who is asked for; None where it is nothing of theirs."""
        found = [each.amount for each in self.mine(deal, at, worth, process, currency) if each]
        return Money(sum(found, Decimal(0)), worth.currency) if found else None

    def then(self, step: Step, steps: Sequence[Step]) -> tuple[Deal, int]:
        """The deal and the instant that tell to whom a fact counts: of the fact, or of the moment."""
        if self.question.attribute == "moment":
            return steps[-1].deal, self.moment
        return step.deal, step.at

    def leads(self) -> Iterator[tuple[list[Lead], Lead]]:
        """(steps of the first that was captured, the survivor as it stands) of the leads, merged ones as one."""
        stand = {
            stream: begun
            for stream, steps in self.world.leads.items()
            if (begun := [step for step in steps if step.at <= self.moment])
        }
        together: dict[str, list[str]] = {}
        for stream in stand:
            together.setdefault(root_of(stand, stream), []).append(stream)
        for root, of in together.items():
            if root in stand and stand[root][-1].status != "merged":
                first = min(of, key=lambda stream: (stand[stream][-1].captured_at, stream))
                contacts = [stand[stream][-1].contacted_at for stream in of if stand[stream][-1].contacted_at]
                yield stand[first], stand[root][-1]._replace(contacted_at=min(contacts, default=0))

    def wants_lead(self, steps: Sequence[Lead]) -> bool:
        """Whether a lead counts, by who owned it when it was captured, or at the moment."""
        lead, at = (steps[-1], self.moment) if self.question.attribute == "moment" else (steps[0], steps[0].at)
        own = {"owner": lead.owner, "source": steps[0].source, "team": self.world.teams.team_of(lead.owner, at)}
        if any(getattr(self.question, name) not in (None, value) for name, value in own.items()):
            return False
        return all(own[name] == value for name, value in self.group.items()) and self.during(lead.captured_at)

    def past(self, moment: int | None = None) -> dict[str, list[Step]]:
        """The history of each deal until a moment (the question's)."""
        moment = self.moment if moment is None else moment
        found = {stream: [step for step in steps if step.at <= moment] for stream, steps in self.world.deals.items()}
        return {stream: begun for stream, begun in found.items() if begun}

    def alive(self) -> dict[str, list[Step]]:
        """The past of the deals that are neither merged nor deleted."""
        return {stream: steps for stream, steps in self.past().items() if steps[-1].deal.status not in GONE}

    def open(self) -> dict[str, Step]:
        """The open deals as they stand, of those to whom they count at the moment."""
        found = {stream: steps[-1] for stream, steps in self.past().items() if steps[-1].deal.status == "open"}
        return {stream: step for stream, step in found.items() if self.belongs(step.deal, self.moment)}

    def open_worths(self) -> Iterator[tuple[str, Step, Money]]:
        """(stream, how it stands, its part in the currency asked for) of the open deals that have a rate."""
        for stream, step in self.open().items():
            if not self.timely(step.deal):
                continue
            if (worth := self.worth(step.deal.worth)) and (part := self.part(step.deal, self.moment, worth)):
                yield stream, step, part

    def during(self, moment: int) -> bool:
        """Whether an instant lies in the period."""
        since, until = self.question.since, self.question.until
        return (since is None or moment >= since) and (until is None or moment < until)

    def days(self) -> tuple[date, date]:
        """The first and the last day of the period."""
        return self.world.calendar.day(self.question.since), self.world.calendar.day(self.question.until - 1)

    def closes(self, deal: Deal) -> bool:
        """Whether a deal is to close in the period."""
        first, last = self.days()
        return deal.close_date is not None and first <= deal.close_date <= last

    def timely(self, deal: Deal) -> bool:
        """Whether a deal is to close on the days that are asked for."""
        first, last = (getattr(self.question, name, None) for name in ("closes_since", "closes_until"))
        day = deal.close_date.isoformat() if deal.close_date else ""
        if first is None and last is None:
            return True
        return bool(day) and (first is None or day >= first) and (last is None or day <= last)

    def worth(self, money: Money, moment: int | None = None, counted: str = "") -> Money | None:
        """An amount in the currency that is asked for, by the rate of a moment's day (the question's); None is told."""
        into = self.question.convert_to
        if into is None:
            return money
        on = self.world.calendar.day(self.moment if moment is None else moment)
        found = self.world.rates.convert(money, into, on, self.question.base_currency)
        if found is None:
            self.left_out[f"no rate from {money.currency} to {into} on {on}{counted}"] += 1
        return found


Metric = Callable[[Asked], Iterable[Record]]
"""The records of one group; none where nothing in it counts and none is asked for besides."""


class Answer(NamedTuple):
    """(group, record) in order, and how many deals were left out, by reason."""

    records: list[tuple[dict[str, str], Record]]
    left_out: dict[str, int]


def answer(metric: "Recomputed", world: World, question: Any) -> Answer:
    """All records of a question: period by period, and in each group by group."""
    asked = Asked(world, question)
    if asked.moment == END:
        asked = asked.at(effective_at=world.now())
    dimensions = [name for name in question.by if name in DIMENSIONS]
    periods = list(cuts(asked, metric))
    every = sorted(product(*(values_of(asked, name) for name in dimensions)))
    groups = [dict(zip(dimensions, values, strict=True)) for values in every]
    also: dict[tuple[str, ...], set[Key]] = {}
    unit = any(name in UNITS for name in question.by)
    if unit and metric.keys is not None:
        for _, cut, _ in periods:
            for group in groups:
                keys = {record[: metric.keys] for record in metric.records(silent(cut).of(group, set()))}
                also.setdefault(tuple(group.values()), set()).update(keys)
    records: list[tuple[dict[str, str], Record]] = []
    for label, cut, begun in periods:
        for group in groups:
            shown = {name: ({**group, **label})[name] for name in question.by}
            keys = also.get(tuple(group.values()), set()) if begun else set[Key]()
            records.extend((shown, record) for record in metric.records(cut.of(group, keys)))
    return Answer(records, dict(asked.left_out))


def silent(asked: Asked) -> Asked:
    """The question, not noting what it leaves out."""
    return Asked(asked.world, asked.question, asked.group, Counter(), asked.also)


def values_of(asked: Asked, dimension: str) -> list[str]:
    """All that anything could be grouped by, in this history or another one of it."""
    deals = [step.deal for steps in asked.world.deals.values() for step in steps]
    sellers = {owner for deal in deals for owner in (deal.owner, *deal.splits)}
    sellers |= {lead.owner for steps in asked.world.leads.values() for lead in steps}
    named = {quota.holder for quota in asked.world.quotas}
    for raw_facts in of_kind(asked.world.log, "forecast", asked.world.known_at).values():
        named |= {fact.says["holder"] for fact in raw_facts}
    match dimension:
        case "pipeline":
            return sorted({deal.process for deal in deals})
        case "owner":
            return sorted({"", *sellers, *(name for name in named if not name.startswith("team-"))})
        case "team":
            return sorted({"", *asked.world.teams.facts, *(name for name in named if name.startswith("team-"))})
        case "product":
            return sorted(
                {name for deal in deals for name in (deal.product, *(line[0] for line in deal.lines.values()))}
            )
        case "source":
            sources = {lead.source for steps in asked.world.leads.values() for lead in steps}
            return sorted({*(deal.source for deal in deals), *sources})
        case _:
            if asked.question.convert_to:
                return [asked.question.convert_to]
            money = {deal.worth.currency for deal in deals} | {quota.amount.currency for quota in asked.world.quotas}
            for raw_facts in of_kind(asked.world.log, "forecast", asked.world.known_at).values():
                money |= {fact.says["amount"]["currency"] for fact in raw_facts}
            return sorted(money)


def cuts(asked: Asked, metric: "Recomputed") -> Iterator[tuple[Mapping[str, str], Asked, bool]]:
    """(label, the question of a period, or at its end, whether it has begun); of the future there is no state."""
    question = asked.question
    units = [name for name in question.by if name in UNITS]
    if not units:
        yield {}, asked, True
        return
    for label, since, until in asked.world.calendar.periods(units[0], question.since, question.until):
        begun = since <= asked.moment
        if metric.over_period and (begun or metric.ahead):
            yield {units[0]: label}, asked.at(since=since, until=until), begun
        elif begun and not metric.over_period:
            moment = min(asked.moment, until - 1)
            yield {units[0]: label}, asked.at(since=None, until=None, effective_at=moment), begun


class Recomputed(NamedTuple):
    """A number: its records, whether it is asked over a period, and how many fields of a record say of what it is.

    keys: None where a period without anything has no record. ahead: whether periods that have not begun have some.
    """

    records: Metric
    over_period: bool = False
    keys: int | None = None
    ahead: bool = False
