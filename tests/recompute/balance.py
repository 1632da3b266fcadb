"""What made the open pipeline worth more or less: every deal at every moment at which anything of it could change."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import product

from tests.recompute.asking import DIMENSIONS, Asked, Recomputed, Record, World
from tests.recompute.fold import Deal, Money, Raw, Step

ENTERING = {"won": "reopened", "lost": "reopened", "merged": "restored", "deleted": "restored"}
LEAVING = {"won": "won", "lost": "lost", "merged": "merged-or-deleted", "deleted": "merged-or-deleted"}
TRANSFERRED = "transferred-in", "transferred-out"
FLOWS = (
    "created", "increased", "decreased", "pulled-in", "pushed-out", "won", "lost", "reopened", "transferred-in",
    "transferred-out", "merged-or-deleted", "restored", "revalued", "corrected",
)  # fmt: skip


class Scene:
    """The filters, the group and the rates at a position and an instant: what counts, and for how much."""

    def __init__(self, asked: Asked, world: World, moment: int) -> None:
        self.asked = asked.at(effective_at=moment)
        self.asked.world, self.moment = world, moment

    def deal(self, stream: str) -> Deal | None:
        steps = [step for step in self.asked.world.deals.get(stream, []) if step.at <= self.moment]
        return steps[-1].deal if steps else None

    def mine(self, deal: Deal) -> bool:
        """Whether the filters and the group let a deal through, were it open and to close in time."""
        return self.asked.wanted(deal)

    def timely(self, deal: Deal) -> bool:
        first, last = (getattr(self.asked.question, name, None) for name in ("closes_since", "closes_until"))
        day = deal.close_date.isoformat() if deal.close_date else ""
        if first is None and last is None:
            return True
        return bool(day) and (first is None or day >= first) and (last is None or day <= last)

    def counts(self, deal: Deal | None) -> bool:
        return deal is not None and deal.status == "open" and self.mine(deal) and self.timely(deal)

    def worth(self, deal: Deal) -> Money | None:
        return Asked(self.asked.world, self.asked.question).worth(deal.worth)

    def value(self, deal: Deal | None) -> Money | None:
        """What a deal adds; None where it does not count, or no rate is known."""
        return self.worth(deal) if deal and self.counts(deal) else None


class Balance:
    """The buckets of one group, filled deal by deal."""

    def __init__(self) -> None:
        self.deals: Counter[tuple[str, str]] = Counter()
        self.amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def pour(self, bucket: str, worth: Money | None, sign: int = 1) -> None:
        if worth:
            self.deals[worth.currency, bucket] += 1
            self.amounts[worth.currency, bucket] += sign * worth.amount

    def changed(self, before: Money | None, after: Money | None, more: str, less: str, out: str, into: str) -> None:
        """From one worth to another: by the difference, or, where they are not of one currency, out of one and in."""
        if before and after and before.currency == after.currency:
            if difference := after.amount - before.amount:
                self.pour(more if difference > 0 else less, Money(difference, after.currency))
        else:
            self.pour(out, before, -1)
            self.pour(into, after)

    def whole(self, bucket: str, before: Money | None, after: Money | None) -> None:
        """The whole change in one bucket."""
        self.changed(before, after, bucket, bucket, bucket, bucket)

    def step(self, old: Scene, before: Deal | None, new: Scene, after: Deal | None) -> None:
        """A deal from one state in one scene to another in another: what may have changed of it, one thing a time.

        Who looks on from a scope sees each of these: a deal that is handed over and then won comes in, and leaves won.
        """
        if before is None or before.status != "open":
            self.pour(ENTERING[before.status] if before else "created", new.value(after))
            return
        counted = new.worth(before) if old.counts(before) else None
        self.whole("revalued", old.value(before), counted)
        if after is None:
            self.pour("corrected", counted, -1)
            return
        handed = replace(before, owner=after.owner, process=after.process, product=after.product, source=after.source)
        put_off = replace(handed, close_date=after.close_date)
        sold = replace(after, status="open")
        worths = counted, new.value(handed), new.value(put_off), new.value(sold)
        self.changed(*worths[:2], *TRANSFERRED, *reversed(TRANSFERRED))
        self.changed(*worths[1:3], "pulled-in", "pushed-out", "pushed-out", "pulled-in")
        self.changed(*worths[2:], "increased", "decreased", *reversed(TRANSFERRED))
        if after.status != "open":
            self.pour(LEAVING[after.status], worths[-1], -1)

    def records(self, buckets: Sequence[str]) -> Iterator[Record]:
        """Every bucket of every currency that there is."""
        for currency in sorted({currency for currency, _ in self.deals}):
            for bucket in buckets:
                yield currency, bucket, self.deals[currency, bucket], self.amounts[currency, bucket]


def waterfall(asked: Asked) -> Iterator[Record]:
    """(currency, bucket, deals, amount) from the opening to the closing, over a period or from position to position."""
    question, world = asked.question, asked.world
    before = getattr(question, "known_before", None)
    balance = Balance()
    if question.since is None:
        learnt(asked, balance, before or 0)
        yield from balance.records(("opening", *FLOWS, "closing"))
        return
    last = min(question.effective_at, question.until - 1)
    first = min(question.since - 1, last)
    start, end = Scene(asked, world, first), Scene(asked, world, last)
    earlier = start if before is None else Scene(asked, World(world.log, before), first)
    for stream, steps in world.deals.items():
        balance.pour("opening", earlier.value(earlier.deal(stream)))
        balance.whole("restated", earlier.value(earlier.deal(stream)), start.value(start.deal(stream)))
        if question.mode == "net":
            balance.step(start, start.deal(stream), end, end.deal(stream))
        else:
            follow(asked, balance, stream, steps, (first, last))
        balance.pour("closing", end.value(end.deal(stream)))
    yield from balance.records(("opening", *(() if before is None else ("restated",)), *FLOWS, "closing"))


def follow(asked: Asked, balance: Balance, stream: str, steps: Sequence[Step], period: tuple[int, int]) -> None:
    """One deal through the period, moment by moment: first time passes for it, then its facts happen."""
    first, last = period
    scene = Scene(asked, asked.world, first)
    deal = scene.deal(stream)
    moments = {step.at for step in steps} | set(turns(asked)) | {last}
    for moment in sorted(moment for moment in moments if first < moment <= last):
        then, scene = scene, Scene(asked, asked.world, moment)
        if deal:
            balance.step(then, deal, scene, deal)
        for step in steps:
            if step.at == moment:
                balance.step(scene, deal, scene, step.deal)
                deal = step.deal


def turns(asked: Asked) -> Iterator[int]:
    """The instants at which teams change, and those at which rates begin."""
    world = asked.world
    for facts in world.teams.facts.values():
        yield from (fact.at for fact in facts)
    for days in world.rates.of.values():
        yield from (world.calendar.start(day) for day in days)


def scopes(asked: Asked) -> Iterator[tuple[str, ...]]:
    """Every group that a deal was ever in, as known now or at any position before."""
    world, dimensions = asked.world, [name for name in asked.question.by if name in DIMENSIONS]
    teams = {"", *world.teams.facts}
    for raw in world.log:
        for steps in World(world.log, raw.position).deals.values():
            for deal in {id(step.deal): step.deal for step in steps}.values():
                values = [teams if name == "team" else {asked.grouped(name, deal)} for name in dimensions]
                yield from product(*values)


def learnt(asked: Asked, balance: Balance, before: int) -> None:
    """One instant, and what became known of it, position by position."""
    moment, log = asked.question.effective_at, asked.world.log
    news = [raw for raw in log if before < raw.position <= asked.world.known_at]
    scene = start = Scene(asked, World(log, before), moment)
    end = Scene(asked, asked.world, moment)
    for raw in news if asked.question.mode == "path" else []:
        then, scene = scene, Scene(asked, World(log, raw.position), moment)
        for stream in scene.asked.world.deals:
            told(balance, raw, stream, then, scene)
    for stream in end.asked.world.deals:
        balance.pour("opening", start.value(start.deal(stream)))
        if asked.question.mode == "net":
            balance.step(start, start.deal(stream), end, end.deal(stream))
        balance.pour("closing", end.value(end.deal(stream)))


def told(balance: Balance, raw: Raw, stream: str, then: Scene, now: Scene) -> None:
    """What one fact lets be known of a deal: a correction all in one bucket."""
    before, after = then.deal(stream), now.deal(stream)
    if raw.stream == stream and raw.tag == "fact-corrected":
        balance.whole("corrected", then.value(before), now.value(after))
    else:
        balance.step(then, before, now, after)


METRICS = {
    "waterfall": Recomputed(waterfall, True, scopes),
}
