"""What made the open pipeline worth more or less: every deal at every moment at which anything of it could change."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal

from tests.recompute.asking import Asked, Record
from tests.recompute.fold import Deal, Money, Step

ENTERING = {"won": "reopened", "lost": "reopened", "merged": "restored", "deleted": "restored"}
LEAVING = {"won": "won", "lost": "lost", "merged": "merged-or-deleted", "deleted": "merged-or-deleted"}
FLOWS = (
    "created", "increased", "decreased", "pulled-in", "pushed-out", "won", "lost", "reopened", "transferred-in",
    "transferred-out", "merged-or-deleted", "restored", "revalued", "corrected",
)  # fmt: skip


class Balance:
    """The buckets of one group, filled deal by deal."""

    def __init__(self, asked: Asked) -> None:
        self.asked, self.moment = asked, 0
        self.deals: Counter[tuple[str, str]] = Counter()
        self.amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)

    def pour(self, bucket: str, worth: Money | None, sign: int = 1) -> None:
        if worth:
            self.deals[worth.currency, bucket] += 1
            self.amounts[worth.currency, bucket] += sign * worth.amount

    def changed(self, before: Money, after: Money, more: str, less: str) -> None:
        """Two amounts of one currency."""
        difference = after.amount - before.amount
        if difference:
            self.pour(more if difference > 0 else less, Money(difference, after.currency))

    def mine(self, deal: Deal | None) -> bool:
        """Whether the filters and the group would let a deal through at the moment, were it open and its date right."""
        return deal is not None and self.asked.at(effective_at=self.moment).wanted(deal)

    def timely(self, deal: Deal) -> bool:
        first, last = (getattr(self.asked.question, name, None) for name in ("closes_since", "closes_until"))
        if first is None and last is None:
            return True
        day = deal.close_date.isoformat() if deal.close_date else ""
        return bool(day) and (first is None or day >= first) and (last is None or day <= last)

    def counts(self, deal: Deal | None) -> bool:
        return deal is not None and deal.status == "open" and self.mine(deal) and self.timely(deal)

    def worth(self, deal: Deal) -> Money | None:
        into, world = self.asked.question.convert_to, self.asked.world
        return world.rates.convert(deal.worth, into, world.calendar.day(self.moment)) if into else deal.worth

    def judge(self, deal: Deal | None, moment: int) -> None:
        """Let time pass for a deal to which nothing happens: its owner's team and the rate may change."""
        if deal is None:
            self.moment = moment
            return
        was, before = self.counts(deal), self.worth(deal)
        self.moment = moment
        now, after = self.counts(deal), self.worth(deal)
        if was:
            if before and after:
                self.changed(before, after, "revalued", "revalued")
            elif before or after:
                self.pour("revalued", after or before, 1 if after else -1)
        if was != now:
            self.pour("transferred-in" if now else "transferred-out", after, 1 if now else -1)

    def happen(self, before: Deal | None, after: Deal) -> None:
        """Let a fact of a deal happen at the moment."""
        was, now = self.counts(before), self.counts(after)
        if was and before:
            self.went_on(before, after, now)
        elif now:
            self.entered(before, after)

    def entered(self, before: Deal | None, after: Deal) -> None:
        if before is None:
            bucket = "created"
        elif before.status != "open":
            bucket = ENTERING[before.status]
        else:
            bucket = "pulled-in" if self.mine(before) else "transferred-in"
        self.pour(bucket, self.worth(after))

    def went_on(self, before: Deal, after: Deal, now: bool) -> None:
        """A deal that counted changes, and may leave by that with the amount that it has by then."""
        old, new = self.worth(before), self.worth(after)
        if not self.mine(after):
            self.pour("transferred-out", old, -1)
            return
        if old and new and old.currency == new.currency:
            self.changed(old, new, "increased", "decreased")
        else:
            self.pour("transferred-out", old, -1)
            self.pour("transferred-in", new)
        if after.status != "open":
            self.pour(LEAVING[after.status], new, -1)
        elif not now:
            self.pour("pushed-out", new, -1)


def waterfall(asked: Asked) -> Iterator[Record]:
    """(currency, bucket, deals, amount) from the opening to the closing, over a period as known at one position."""
    last = min(asked.question.effective_at, asked.question.until - 1)
    first = min(asked.question.since - 1, last)
    balance = Balance(asked)
    for steps in asked.world.deals.values():
        follow(balance, steps, first, last)
    currencies = {currency for currency, _ in balance.deals}
    for currency in sorted(currencies):
        for bucket in ("opening", *FLOWS, "closing"):
            yield currency, bucket, balance.deals[currency, bucket], balance.amounts[currency, bucket]


def follow(balance: Balance, steps: list[Step], first: int, last: int) -> None:
    """One deal through the period; what it is worth before and after is asked of its states, not of its changes."""
    begun = [step for step in steps if step.at <= first]
    deal = begun[-1].deal if begun else None
    balance.moment = first
    if deal and balance.counts(deal):
        balance.pour("opening", balance.worth(deal))
    moments = {step.at for step in steps} | set(turns(balance.asked)) | {last}
    for moment in sorted(moment for moment in moments if first < moment <= last):
        balance.judge(deal, moment)
        for step in steps:
            if step.at == moment:
                balance.happen(deal, step.deal)
                deal = step.deal
    balance.moment = last
    if deal and balance.counts(deal):
        balance.pour("closing", balance.worth(deal))


def turns(asked: Asked) -> Iterator[int]:
    """The instants at which teams change, and those at which rates begin."""
    world = asked.world
    for facts in world.teams.facts.values():
        yield from (fact.at for fact in facts)
    for days in world.rates.of.values():
        yield from (world.calendar.start(day) for day in days)
