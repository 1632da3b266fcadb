"""What made the open pipeline worth more or less: every deal at every moment at which anything of it could change."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal

from tests.recompute.asking import Asked, Key, Recomputed, Record, World
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

    def value(self, deal: Deal | None) -> Money | None:
        """What a deal adds to who is asked for; nothing where it does not count, or no rate is known."""
        return self.part(deal, deal, deal.worth, self) if deal and deal.status == "open" else None

    def part(self, whose: Deal, due: Deal, worth: Money, rates: "Scene") -> Money | None:
        """The part of an amount that is of who is asked for, were the deal open: by whose it is here, and when due."""
        if self.asked.question.currency not in (None, worth.currency) or not self.asked.timely(due):
            return None
        found = Asked(rates.asked.world, rates.asked.question).worth(worth)
        return self.asked.part(whose, self.moment, found, currency=worth.currency) if found else None


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
        counted = old.part(before, before, before.worth, new)
        self.whole("revalued", old.value(before), counted)
        if after is None:
            self.pour("corrected", counted, -1)
            return
        handed = new.part(after, before, before.worth, new)
        put_off = new.part(after, after, before.worth, new)
        sold = new.part(after, after, after.worth, new)
        self.changed(counted, handed, *TRANSFERRED, *reversed(TRANSFERRED))
        self.changed(handed, put_off, "pulled-in", "pushed-out", "pushed-out", "pulled-in")
        self.changed(put_off, sold, "increased", "decreased", *reversed(TRANSFERRED))
        if after.status != "open":
            self.pour(LEAVING[after.status], sold, -1)

    def records(self, buckets: Sequence[str], also: set[Key]) -> Iterator[Record]:
        """Every bucket of every currency that there is, here or in other periods."""
        for currency in sorted({currency for currency, _ in self.deals} | {key[0] for key in also}):
            for bucket in buckets:
                yield currency, bucket, self.deals[currency, bucket], self.amounts[currency, bucket]


def waterfall(asked: Asked) -> Iterator[Record]:
    """(currency, bucket, deals, amount) from the opening to the closing, over a period or from position to position."""
    question, world = asked.question, asked.world
    before = getattr(question, "known_before", None)
    balance = Balance()
    if question.since is None:
        learnt(asked, balance, before or 0)
        yield from balance.records(("opening", *FLOWS, "closing"), asked.also)
        return
    if question.since > asked.moment:
        return  # of what is still to come nothing is known
    last = min(asked.moment, question.until - 1)
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
    yield from balance.records(("opening", *(() if before is None else ("restated",)), *FLOWS, "closing"), asked.also)


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
    for days in list(world.rates.of.values()):
        yield from (world.calendar.start(day) for day in days)


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
    "waterfall": Recomputed(waterfall, True, 1),
}
