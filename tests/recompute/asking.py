"""A question asked of a history by brute force: all that is known, the deals that stand, group by group."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from types import SimpleNamespace
from typing import Any, NamedTuple

from tests.recompute.fold import ASIDE, GONE, Deal, Lead, Money, Raw, Step, deal_steps, lead_steps
from tests.recompute.known import END, Calendar, Ladder, Rates, Stage, Teams, ladder, of_kind, processes, quotas

DIMENSIONS = ("pipeline", "owner", "team", "product", "source", "currency")
UNITS = ("week", "month", "quarter")
ASKED = (
    "known_at",
    "effective_at",
    *DIMENSIONS,
    "since",
    "until",
    "by",
    "convert_to",
    "mode",
    "stage",
    "closes_since",
    "closes_until",
    "known_before",
)
Record = tuple[Any, ...]


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

    def now(self, moment: int) -> int:
        """The moment, or, where it is the end of time, when the newest known of all deals happened."""
        if moment < END:
            return moment
        return max((step.at for steps in self.deals.values() for step in steps if step.tag not in ASIDE), default=0)


@dataclass
class Asked:
    """A question on its way, and what it leaves out: how many deals by reason."""

    world: World
    question: Any
    group: dict[str, str] = field(default_factory=dict)
    left_out: Counter[str] = field(default_factory=Counter)

    def at(self, **changes: Any) -> "Asked":
        """The question with something else in it."""
        changed = {name: getattr(self.question, name, None) for name in ASKED} | changes
        return Asked(self.world, SimpleNamespace(**changed), self.group, self.left_out)

    def of(self, **group: str) -> "Asked":
        """The question about one group."""
        return Asked(self.world, self.question, group, self.left_out)

    def value(self, dimension: str, deal: Deal) -> str:
        match dimension:
            case "pipeline":
                return deal.process
            case "team":
                return self.world.teams.team_of(deal.owner, self.question.effective_at)
            case "currency":
                return deal.worth.currency
            case _:
                return getattr(deal, dimension)

    def wanted(self, deal: Deal) -> bool:
        """Whether the filters let a deal through, and the group is its own."""
        filters = ((name, getattr(self.question, name)) for name in DIMENSIONS)
        if any(wanted is not None and self.value(name, deal) != wanted for name, wanted in filters):
            return False
        return all(self.grouped(name, deal) == wanted for name, wanted in self.group.items())

    def grouped(self, dimension: str, deal: Deal) -> str:
        """The deal's value of what is grouped by: amounts that are converted are of the currency that they become."""
        into = self.question.convert_to
        return into if dimension == "currency" and into else self.value(dimension, deal)

    def leads(self) -> Iterator[tuple[Lead, dict[str, str]]]:
        """The leads as they stood that the filters let through, and what they can be grouped by."""
        for steps in self.world.leads.values():
            begun = [step for step in steps if step.at <= self.question.effective_at]
            if begun:
                team = self.world.teams.team_of(begun[-1].owner, self.question.effective_at)
                own = {"owner": begun[-1].owner, "source": begun[-1].source, "team": team}
                if all(getattr(self.question, name) in (None, value) for name, value in own.items()):
                    yield begun[-1], own

    def past(self, moment: int | None = None) -> dict[str, list[Step]]:
        """The history until a moment (the question's) of each deal that is asked for by how it stood then."""
        moment = self.question.effective_at if moment is None else moment
        found: dict[str, list[Step]] = {}
        for stream, steps in self.world.deals.items():
            begun = [step for step in steps if step.at <= moment]
            if begun and self.wanted(begun[-1].deal):
                found[stream] = begun
        return found

    def alive(self) -> dict[str, list[Step]]:
        """The past of the deals that are neither merged nor deleted."""
        return {stream: steps for stream, steps in self.past().items() if steps[-1].deal.status not in GONE}

    def open(self) -> dict[str, Step]:
        """The open deals as they stand."""
        return {stream: steps[-1] for stream, steps in self.past().items() if steps[-1].deal.status == "open"}

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

    def worth(self, money: Money, moment: int | None = None) -> Money | None:
        """An amount in the currency that is asked for, by the rate of a moment's day (the question's); None is told."""
        into = self.question.convert_to
        if into is None:
            return money
        moment = self.question.effective_at if moment is None else moment
        on = date.max if moment == END else self.world.calendar.day(moment)
        found = self.world.rates.convert(money, into, on)
        if found is None:
            self.left_out[f"no rate from {money.currency} to {into}{'' if on == date.max else f' on {on}'}"] += 1
        return found


Metric = Callable[[Asked], Iterable[Record]]
"""The records of one group; none where nothing in it counts."""
Others = Callable[[Asked], Iterable[tuple[str, ...]]]
"""The groups that have no deals, and yet have something to say."""


class Answer(NamedTuple):
    """(group, record) in order, and how many deals were left out, by reason."""

    records: list[tuple[dict[str, str], Record]]
    left_out: dict[str, int]


def answer(metric: Metric, over_period: bool, world: World, question: Any, others: Others | None = None) -> Answer:
    """All records of a question: period by period, and in each group by group."""
    asked = Asked(world, question)
    dimensions = [name for name in question.by if name in DIMENSIONS]
    records: list[tuple[dict[str, str], Record]] = []
    for label, cut in cuts(asked, over_period):
        groups: set[tuple[str, ...]] = set() if dimensions else {()}
        if dimensions:
            ever = (steps[-1].deal for steps in cut.past().values())
            groups = {tuple(cut.grouped(name, deal) for name in dimensions) for deal in ever}
            groups |= set(others(cut)) if others else set()
        for values in sorted(groups):
            group = dict(zip(dimensions, values, strict=True))
            shown = {name: (group | label)[name] for name in question.by}
            records.extend((shown, record) for record in metric(cut.of(**group)))
    return Answer(records, dict(asked.left_out))


def cuts(asked: Asked, over_period: bool) -> Iterator[tuple[Mapping[str, str], Asked]]:
    """The question, or where it is grouped by periods the question of each, or at the end of each."""
    question = asked.question
    units = [name for name in question.by if name in UNITS]
    if not units:
        yield {}, asked
        return
    for label, since, until in asked.world.calendar.periods(units[0], question.since, question.until):
        if over_period:
            yield {units[0]: label}, asked.at(since=since, until=until)
        else:
            yield (
                {units[0]: label},
                asked.at(since=None, until=None, effective_at=min(question.effective_at, until - 1)),
            )


class Recomputed(NamedTuple):
    """A number: its records, whether it is asked over a period, and the groups that it has beside those of deals."""

    records: Metric
    over_period: bool = False
    others: Others | None = None
