"""The same numbers by brute force: the domain's own fold over the facts known and effective at a moment."""

from collections import defaultdict
from decimal import Decimal
from typing import Any, NamedTuple

from domain import opportunity
from domain.money import MINOR_UNITS
from domain.recorded import Fact
from projections.question import Question


class Then(NamedTuple):
    """A deal after one of its facts: since when, in which stage and status, and which stretch of them it is."""

    when: int
    state: Any
    status: str
    stage: str
    began: int


def standing(facts: list[Fact], stream: str, known_at: int) -> list[tuple[int, int, Any]]:
    """(instant, version, event) of a stream's facts known at a position, in the order in which they took effect."""
    known = [fact for fact in facts if fact.stream == stream and fact.position <= known_at]
    corrected = {fact.corrects: fact for fact in known}
    places = [(corrected.get(fact.version, fact), fact.version) for fact in known if not fact.corrects]
    if not places:
        return []
    opened = places[0][0].occurred_at
    return sorted(
        ((max(fact.occurred_at, opened), version, fact.event) for fact, version in places if fact.event is not None),
        key=lambda place: place[:2],
    )


def past(facts: list[Fact], question: Question) -> dict[str, list[Then]]:
    """Each deal's history until the moment, in the domain's own states; those not yet opened are left out."""
    found: dict[str, list[Then]] = {}
    for stream in {fact.stream for fact in facts if fact.stream.startswith("opportunity-")}:
        state, steps = None, list[Then]()
        for when, _, event in standing(facts, stream, question.known_at):
            state = opportunity.evolve(state, event)
            if state is None or when > question.effective_at:
                continue
            place = type(state).__name__.lower(), state.deal.stage
            same = bool(steps) and (steps[-1].status, steps[-1].stage) == place
            steps.append(Then(when, state, *place, steps[-1].began if same else when))
        if steps and wanted(steps[-1].state.deal, question):
            found[stream] = steps
    return found


def wanted(deal: opportunity.Deal, question: Question) -> bool:
    """Whether the filters let a deal through."""
    pairs = [
        (question.pipeline, deal.opened.process),
        (question.owner, deal.terms.owner),
        (question.product, deal.opened.product),
        (question.source, deal.opened.source),
        (question.currency, deal.terms.amount.currency),
    ]
    return all(asked is None or asked == found for asked, found in pairs)


def published(facts: list[Fact], question: Question) -> dict[tuple[str, int], dict[str, tuple[int, Any]]]:
    """(process, version) to its stages by id, in their order, as known at the position."""
    found: dict[tuple[str, int], dict[str, Any]] = defaultdict(dict)
    for process in {fact.stream for fact in facts if fact.stream.startswith("process-")}:
        for _, _, event in standing(facts, process, question.known_at):
            found[process, event.process_version].update({stage.id: stage for stage in event.stages})
    return {
        version: dict(sorted(stages.items(), key=lambda item: (item[1].order, item[0])))
        for version, stages in found.items()
        if question.pipeline in (None, version[0])
    }


def names(facts: list[Fact], question: Question) -> dict[tuple[str, str], str]:
    """(process, stage id) to its name in the newest version that has it."""
    versions = sorted(published(facts, question).items())
    return {(process, stage): found.name for (process, _), stages in versions for stage, found in stages.items()}


def board(facts: list[Fact], question: Question) -> set[Any]:
    """(process, stage, name, currency, deals, amount)"""
    found: dict[Any, list[Decimal]] = defaultdict(list)
    for steps in past(facts, question).values():
        if steps[-1].status == "open":
            deal = steps[-1].state.deal
            found[deal.opened.process, deal.stage, deal.terms.amount.currency].append(deal.terms.amount.amount)
    called = names(facts, question)
    return {(p, s, called.get((p, s), ""), currency, len(held), sum(held)) for (p, s, currency), held in found.items()}


def weighted(facts: list[Fact], question: Question) -> set[Any]:
    """(process, stage, name, currency, deals, amount, weighted)"""
    found: dict[Any, list[Decimal | None]] = defaultdict(list)
    versions = published(facts, question)
    for steps in past(facts, question).values():
        if steps[-1].status == "open":
            deal = steps[-1].state.deal
            stages = versions.get((deal.opened.process, deal.opened.process_version), {})
            chance = stages[deal.stage].probability if deal.stage in stages else None
            place = deal.opened.process, deal.stage, deal.terms.amount.currency
            found[place].append(None if chance is None else chance * deal.terms.amount.amount)
    sums = {key: None if None in parts else sum(parts, Decimal(0)) for key, parts in found.items()}  # type: ignore[arg-type]
    return {(*row, sums[row[0], row[1], row[3]]) for row in board(facts, question)}


def win_rate(facts: list[Fact], question: Question) -> set[Any]:
    """(currency, won, lost, still open, won amount, lost amount, by count, by amount)"""
    found: dict[str, dict[str, list[Decimal]]] = defaultdict(lambda: {"won": [], "lost": [], "open": []})
    for steps in past(facts, question).values():
        last, amount = steps[-1], steps[-1].state.deal.terms.amount
        if question.mode == "cohort":
            counts = during(steps[0].when, question)
        else:
            counts = last.status != "open" and during(last.began, question)
        if counts:
            found[amount.currency][last.status].append(amount.amount)
    return {
        (
            currency, len(by["won"]), len(by["lost"]), len(by["open"]), sum(by["won"]), sum(by["lost"]),
            ratio(len(by["won"]), len(by["lost"])),
            ratio(cents(sum(by["won"]), currency), cents(sum(by["lost"]), currency)),
        )
        for currency, by in found.items()
    }  # fmt: skip


def cents(amount: Decimal | int, currency: str) -> int:
    """Minor units: a float is exact only in what is divided."""
    return int(amount * 10 ** MINOR_UNITS.get(currency, 2))


def ratio(part: int, rest: int) -> float | None:
    return part / (part + rest) if part + rest else None


def during(when: int, question: Question) -> bool:
    """Whether an instant lies in the period."""
    return (question.since is None or when >= question.since) and (question.until is None or when < question.until)


def funnel(facts: list[Fact], question: Question) -> set[Any]:
    """(process, stage, entered, advanced, still open), from the definitions of the four modes."""
    counts: dict[Any, list[int]] = {}
    versions = published(facts, question)
    for (process, _), stages in versions.items():
        for stage in ladder(stages):
            counts.setdefault((process, stage), [0, 0, 0])
    for steps in past(facts, question).values():
        opened = steps[0].state.deal.opened
        if (opened.process, opened.process_version) in versions:
            rungs = ladder(versions[opened.process, opened.process_version])
            for rung in range(len(rungs)):
                entered, advanced = judged(ranks(steps, rungs), rung, question.mode)
                if entered is not None and during(entered, question):
                    count = counts[opened.process, rungs[rung]]
                    count[0] += 1
                    count[1] += advanced
                    count[2] += steps[-1].status == "open" and not advanced
    entered_by_any = {process for (process, _), count in counts.items() if count[0]}
    return {(*place, *count) for place, count in counts.items() if place[0] in entered_by_any}


def ladder(stages: dict[str, Any]) -> list[str]:
    """The open stages and then the first of kind won."""
    won = [stage for stage, found in stages.items() if found.kind == "won"]
    return [*(stage for stage, found in stages.items() if found.kind == "open"), *won[:1]]


def ranks(steps: list[Then], rungs: list[str]) -> list[tuple[int, int]]:
    """(place in the process, instant) of each stretch in one stage and status; -1 for what is no place in it."""
    found: list[tuple[int, int]] = []
    for before, step in zip([None, *steps], steps, strict=False):
        if before is None or (before.status, before.stage) != (step.status, step.stage):
            rank = {"won": len(rungs) - 1, "lost": -1}.get(step.status)
            if rank is None:
                rank = rungs.index(step.stage) if step.stage in rungs[:-1] else -1
            found.append((rank, step.when))
    return found


def judged(path: list[tuple[int, int]], rung: int, mode: str) -> tuple[int | None, bool]:
    """(instant of the first entry or None, whether it advanced) of one deal and one stage."""
    been = [rank for rank, _ in path]
    if mode == "reached_or_beyond":
        return next((when for rank, when in path if rank >= rung), None), max(been) > rung
    if rung not in been:
        return None, False
    first = been.index(rung)
    if mode == "touched":
        return path[first][1], max(been[first:]) > rung
    if mode == "adjacent":
        return path[first][1], any(been[i : i + 2] == [rung, rung + 1] for i in range(len(been)))
    return (path[first][1] if climbed(been, rung) else None), climbed(been, rung + 1)


def climbed(been: list[int], rung: int) -> bool:
    """Whether all stages up to one were visited, each for the first time after the one before it."""
    if any(place not in been for place in range(rung + 1)):
        return False
    firsts = [been.index(place) for place in range(rung + 1)]
    return firsts == sorted(firsts)
