"""Numbers about the ways that deals took: from stage to stage, how many, and how long they stayed."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from tests.recompute.asking import Asked, Recomputed, Record
from tests.recompute.fold import GONE, Deal, Money, Step
from tests.recompute.known import DAY, Ladder


class Visit(NamedTuple):
    """A stretch in one stage of a process version and in one status, from `at`."""

    at: int
    deal: Deal


class Stay(NamedTuple):
    """A stretch in one stage and status, whatever the version, absence left aside; left None: not left by then."""

    deal: Deal
    entered: int
    left: int | None


def visits(steps: Sequence[Step]) -> list[Visit]:
    found: list[Visit] = []
    for step in steps:
        place = (*step.deal.place, step.deal.version)
        if not found or place != (*found[-1].deal.place, found[-1].deal.version):
            found.append(Visit(step.at, step.deal))
    return found


def stays(steps: Sequence[Step]) -> list[Stay]:
    begun: list[Visit] = []
    for step in steps:
        if step.deal.status not in GONE and (not begun or step.deal.place != begun[-1].deal.place):
            begun.append(Visit(step.at, step.deal))
    ends = [*(visit.at for visit in begun[1:]), None]
    return [Stay(visit.deal, visit.at, left) for visit, left in zip(begun, ends, strict=True)]


def climbs(asked: Asked, steps: Sequence[Step]) -> Iterator[tuple[str, Ladder]]:
    """The processes that a deal was in, each with the ladder of the last version that it was under there."""
    last = {step.deal.process: step.deal.version for step in steps}
    for process, version in last.items():
        if (process, version) in asked.world.processes:
            yield process, asked.world.ladder(process, version)


def rungs(asked: Asked) -> list[tuple[str, str]]:
    """The open stages and the first of kind won of every version, in the order of the newest that has each."""
    found = {
        (process, stage)
        for process, version in asked.world.processes
        for stage in (*asked.world.ladder(process, version).opens, *asked.world.ladder(process, version).won)
    }
    return sorted(found, key=lambda key: asked.world.place(*key))


def shown(asked: Asked, process: str) -> bool:
    return asked.question.pipeline in (None, process)


def funnel(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, kind, entered, advanced, still open, won, four shares), from what the four modes mean."""
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    opened = asked.question.cohort == "opened"
    for steps in asked.alive().values():
        end = steps[-1].deal
        for process, ladder in climbs(asked, steps):
            path = [(place_in(process, ladder, step.deal), number) for number, step in enumerate(steps)]
            for rung, stage in enumerate([*ladder.opens, *ladder.won], 1):
                entered, advanced = judged(path, rung, asked.question.mode)
                if entered is None:
                    continue
                entry = visit_of(steps, 0 if opened else entered)
                own, at = asked.then(entry, steps)
                currency = entry.deal.worth.currency
                if asked.during(entry.at) and asked.belongs(own, at, process, currency):
                    status = end.status if end.process == process else ""
                    for index, counted in enumerate(
                        (True, advanced, status == "open" and not advanced, status == "won")
                    ):
                        counts[process, stage][index] += counted
    somebody = {process for process, _ in counts} | {key[0] for key in asked.also}
    firsts: dict[str, int] = {}
    for process, stage in rungs(asked):
        if process in somebody and shown(asked, process):
            entered, advanced, still_open, won = counts[process, stage]
            newest = asked.world.newest(process, stage)
            assert newest
            first = firsts.setdefault(process, entered) if opened else 0
            further = newest["kind"] != "won"
            yield (
                process, stage, newest["name"], newest["kind"], entered, advanced, still_open, won,
                advanced / entered if entered and further else None,
                advanced / (entered - still_open) if entered > still_open and further else None,
                entered / first if first else None, won / entered if entered else None,
            )  # fmt: skip


def visit_of(steps: Sequence[Step], number: int) -> Step:
    """The fact that began the visit that a deal is in with one of its facts."""
    while number and (*steps[number - 1].deal.place, steps[number - 1].deal.version) == (
        *steps[number].deal.place, steps[number].deal.version
    ):  # fmt: skip
        number -= 1
    return steps[number]


def place_in(process: str, ladder: Ladder, deal: Deal) -> int:
    return ladder.step(deal.stage, deal.status) if deal.process == process else 0


def judged(path: Sequence[tuple[int, int]], rung: int, mode: str) -> tuple[int | None, bool]:
    """(number of the fact of the first entry or None, whether it advanced) of one deal and one stage."""
    been = [step for step, _ in path]
    if mode == "reached_or_beyond":
        return next((number for step, number in path if step >= rung), None), max(been) > rung
    if rung not in been:
        return None, False
    first = been.index(rung)
    if mode == "touched":
        return path[first][1], max(been[first:]) > rung
    if mode == "adjacent":
        return path[first][1], any(been[i : i + 2] == [rung, rung + 1] for i in range(len(been)))
    return (path[first][1] if climbed(been, rung) else None), climbed(been, rung + 1)


def climbed(been: Sequence[int], rung: int) -> bool:
    """Whether all stages up to one were visited, each for the first time after the one before it."""
    if any(step not in been for step in range(1, rung + 1)):
        return False
    firsts = [been.index(step) for step in range(1, rung + 1)]
    return firsts == sorted(firsts)


def moves(asked: Asked) -> Iterator[tuple[str, Deal, Deal]]:
    """(stream, before, after) of every move in the period from an open stage to another place."""
    for stream, steps in asked.alive().items():
        for before, after in pairwise(steps):
            there = {before.deal.status, after.deal.status}.isdisjoint(GONE)
            moved = before.deal.status == "open" and before.deal.place != after.deal.place
            if there and moved and asked.during(after.at):
                own, at = asked.then(after, steps)
                if asked.belongs(own, at, before.deal.process, after.deal.worth.currency):
                    yield stream, before.deal, after.deal


def transitions(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, to process, to stage, to status, moves)"""
    counts = Counter((*before.place[:2], *after.place) for _, before, after in moves(asked))
    world, there = asked.world, {(*key[:2], *key[3:]) for key in asked.also}
    for key in sorted({*counts, *there}, key=lambda key: (*world.place(*key[:2]), *world.place(*key[2:4]), key[4])):
        yield *key[:2], world.name(*key[:2]), *key[2:], counts[key]


def backward_moves(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, moves, deals), by the stage left, in the version that the deal is under after it."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for stream, before, after in moves(asked):
        ladder = asked.world.ladder(after.process, after.version)
        here, there = ladder.step(before.stage, "open"), ladder.step(after.stage, after.status)
        if before.process == after.process and after.status == "open" and 0 < there < here:
            found[before.process, before.stage].append(stream)
    for key in sorted({*found, *(key[:2] for key in asked.also)}, key=lambda key: asked.world.place(*key)):
        yield *key, asked.world.name(*key), len(found[key]), len(set(found[key]))


def stage_flow(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, present, progressed, lost, back, conversion) of the deals in a stage in the period."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for steps in asked.alive().values():
        way = stays(steps)
        for process, version in {step.deal.process: step.deal.version for step in steps}.items():
            ladder = asked.world.ladder(process, version)  # of a version that nobody knows: without steps
            for stage in {stay.deal.stage for stay in way if stay.deal.process == process}:
                outcome, stay = flowed(asked, way, process, stage, ladder)
                if not stay or not shown(asked, process):
                    continue
                own, at = stay.deal, stay.entered
                if asked.question.attribute == "moment":
                    own, at = steps[-1].deal, asked.moment
                if asked.belongs(own, at, process, stay.deal.worth.currency):
                    counts[process, stage].update({"present", outcome})
    somebody = {process for process, _ in counts} | {key[0] for key in asked.also}
    empty = {key for key in opens(asked) if key[0] in somebody} | {key[:2] for key in asked.also}
    for key in sorted(empty | set(counts), key=lambda key: asked.world.place(*key)):
        if not shown(asked, key[0]):
            continue
        count = counts[key]
        present, progressed, lost, back = (count[name] for name in ("present", "progressed", "lost", "back"))
        yield *key, asked.world.name(*key), present, progressed, lost, back, progressed / present if present else None


def opens(asked: Asked) -> set[tuple[str, str]]:
    """The open stages of every version."""
    return {(version[0], stage) for version in asked.world.processes for stage in asked.world.ladder(*version).opens}


def flowed(asked: Asked, way: Sequence[Stay], process: str, stage: str, ladder: Ladder) -> tuple[str, Stay | None]:
    """What became in the period of a deal that was open in a stage in it, and the first stay there in it."""
    here = ladder.step(stage, "open")
    if asked.question.since is not None and asked.question.since > asked.moment:
        return "", None
    for index, stay in enumerate(way):
        deal, entered, left = stay
        if deal.place == (process, stage, "open") and touches(asked, entered, left):
            later = [stay for stay in way[index + 1 :] if asked.during(stay.entered)]
            if any(place_in(process, ladder, stay.deal) > here for stay in later):
                return "progressed", stay
            if left is None or not asked.during(left):
                return "stayed", stay
            after = way[index + 1].deal
            if after.status == "lost":
                return "lost", stay
            return ("back" if 0 < place_in(process, ladder, after) < here else "left"), stay
    return "", None


def touches(asked: Asked, entered: int, left: int | None) -> bool:
    since, until = asked.question.since, asked.question.until
    if until is not None and entered >= until:
        return False
    return since is None or left is None or left > since or entered >= since


def lead_conversion(asked: Asked) -> Iterator[Record]:
    """(captured, converted, disqualified, still open, conversion) of the leads captured in the period."""
    counts = Counter(lead.status for steps, lead in asked.leads() if asked.wants_lead(steps))
    captured, converted, disqualified = counts.total(), counts["converted"], counts["disqualified"]
    if captured or () in asked.also or not (asked.group or has_periods(asked)):
        still_open = captured - converted - disqualified
        yield captured, converted, disqualified, still_open, converted / captured if captured else None


def has_periods(asked: Asked) -> bool:
    return any(name in ("week", "month", "quarter") for name in asked.question.by)


def time_in_stage(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, visits, left, median by Kaplan-Meier, plain median and mean of those left), in days."""
    found: dict[tuple[str, str], list[tuple[int, bool]]] = defaultdict(list)
    for steps in asked.alive().values():
        spent: dict[tuple[str, str], list[Stay]] = defaultdict(list)
        for stay in stays(steps):
            asked_for = asked.question.stage in (None, stay.deal.stage)
            if stay.deal.status == "open" and asked_for and asked.during(stay.entered):
                spent[stay.deal.process, stay.deal.stage].append(stay)
        for key, each in spent.items():
            counts = each[-1 if asked.question.mode == "latest" else 0]
            own, at = counts.deal, counts.entered
            if asked.question.attribute == "moment":
                own, at = steps[-1].deal, asked.moment
            if not asked.belongs(own, at, key[0], own.worth.currency):
                continue
            counted = each[-1:] if asked.question.mode == "latest" else each
            lengths = [(asked.moment if stay.left is None else stay.left) - stay.entered for stay in counted]
            found[key].append((sum(lengths), counted[-1].left is not None))
    for key in sorted({*found, *(key[:2] for key in asked.also)}, key=lambda key: asked.world.place(*key)):
        durations = found[key]
        left = [took for took, ended in durations if ended]
        minutes = survived([(took // 60_000_000, ended) for took, ended in durations])
        yield (
            *key, asked.world.name(*key), len(durations), len(left), None if minutes is None else minutes / 1440,
            median(left) / DAY if left else None, sum(left) / (len(left) * DAY) if left else None,
        )  # fmt: skip


def survived(durations: Sequence[tuple[int, bool]]) -> int | None:
    """The smallest time by which half are gone, where those still there are only known to last longer."""
    staying = Fraction(1)
    for time in sorted({days for days, ended in durations if ended}):
        there = sum(days >= time for days, _ in durations)
        gone = sum(days == time and ended for days, ended in durations)
        staying *= 1 - Fraction(gone, there)
        if staying <= Fraction(1, 2):
            return time
    return None


def generation(asked: Asked) -> Iterator[Record]:
    """(process, stage, name, currency, deals, amount) at the first visit in or past the qualifying stage."""
    found: dict[tuple[str, str, str], list[Decimal]] = defaultdict(list)
    for _, process, stage, worth in generated(asked):
        found[process, stage, worth.currency].append(worth.amount)
    there = {(key[0], key[1], key[3]) for key in asked.also}
    for key in sorted({*found, *there}, key=lambda key: (*asked.world.place(*key[:2]), key[2])):
        yield *key[:2], asked.world.name(*key[:2]), key[2], len(found[key]), sum(found[key], Decimal(0))


def generated(asked: Asked) -> Iterator[tuple[Deal, str, str, Money]]:
    """(deal as it came there, process, its qualifying stage, the part of its worth of who is asked for)"""
    for steps in asked.alive().values():
        for process, ladder in climbs(asked, steps):
            version = {step.deal.process: step.deal.version for step in steps}[process]
            stage = asked.question.stage or qualifying(asked, process, version, ladder)
            if stage not in ladder.opens or not shown(asked, process):
                continue
            bar = ladder.step(stage, "open")
            entry = next((v for v in visits(steps) if place_in(process, ladder, v.deal) >= bar), None)
            if not entry or not asked.during(entry.at):
                continue
            own, at = entry.deal, entry.at
            if asked.question.attribute == "moment":
                own, at = steps[-1].deal, asked.moment
            currency = entry.deal.worth.currency
            if not asked.belongs(own, at, process, currency):
                continue
            if (worth := asked.worth(entry.deal.worth, entry.at)) and (
                part := asked.part(own, at, worth, process, currency)
            ):
                yield entry.deal, process, stage, part


def qualifying(asked: Asked, process: str, version: int, ladder: Ladder) -> str:
    stages = asked.world.processes[process, version]
    return stages[0]["qualifying"] or (ladder.opens[0] if ladder.opens else "")


def push_count(asked: Asked) -> Iterator[Record]:
    """(pushes, deals): how many deals had their close date moved to a later month that often in the period."""
    counts = Counter[int]()
    for steps in asked.alive().values():
        moved = 0
        for before, after in pairwise(steps):
            if asked.during(after.at) and later_month(before.deal.close_date, after.deal.close_date):
                own, at = asked.then(after, steps)
                moved += asked.belongs(own, at, None, after.deal.worth.currency)
        counts[moved] += 1
    counts[0] = 0
    for pushes in sorted({*counts, *(key[0] for key in asked.also)} - {0}):
        yield pushes, counts[pushes]


def later_month(before: date | None, after: date | None) -> bool:
    return before is not None and after is not None and (after.year, after.month) > (before.year, before.month)


def slip_rate(asked: Asked) -> Iterator[Record]:
    """(currency, due, judged, won, lost, slipped, pending, their amounts, rate) of the deals due at the opening."""
    question, calendar = asked.question, asked.world.calendar
    opening, closing = (min(moment - 1, asked.moment) for moment in (question.since, question.until))
    _, last = asked.days()
    today = calendar.day(min(question.until, asked.moment))
    found: dict[str, list[tuple[str, Money]]] = defaultdict(list)
    for steps in asked.past().values():
        before = [step for step in steps if step.at <= opening]
        after = [step.deal for step in steps if step.at <= closing]
        if not before or before[-1].deal.status != "open" or not asked.closes(before[-1].deal):
            continue
        deal, end = before[-1].deal, after[-1]
        own, at = (steps[-1].deal, asked.moment) if question.attribute == "moment" else (deal, opening)
        if end.status in GONE or not asked.belongs(own, at, currency=deal.worth.currency):
            continue
        outcome = end.status
        if outcome == "open":
            assert end.close_date
            outcome = "slipped" if end.close_date > last or end.close_date < today else "pending"
        worth = asked.worth(deal.worth, opening)
        if worth and (part := asked.part(own, at, worth, currency=deal.worth.currency)):
            found[worth.currency].append((outcome, part))
    for currency in sorted({*found, *(key[0] for key in asked.also)}):
        due = found[currency]
        counts = Counter(outcome for outcome, _ in due)
        judged = len(due) - counts["pending"]
        amounts = (
            sum((worth.amount for outcome, worth in due if outcome in of), Decimal(0))
            for of in (("won", "lost", "slipped", "pending"), ("slipped",), ("pending",))
        )
        yield (
            currency, len(due), judged, *(counts[name] for name in ("won", "lost", "slipped", "pending")), *amounts,
            counts["slipped"] / judged if judged else None,
        )  # fmt: skip


METRICS = {
    "funnel": Recomputed(funnel, True, 1),
    "transitions": Recomputed(transitions, True, 6),
    "backward-moves": Recomputed(backward_moves, True, 3),
    "stage-flow": Recomputed(stage_flow, True, 3),
    "lead-conversion": Recomputed(lead_conversion, True, 0),
    "time-in-stage": Recomputed(time_in_stage, True, 3),
    "generation": Recomputed(generation, True, 4),
    "push-count": Recomputed(push_count, True, 1),
    "slip-rate": Recomputed(slip_rate, True, 1, ahead=True),
}
