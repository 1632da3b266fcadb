"""What follows from a command beside its own facts: what a correction changes and leaves, who is a customer no more."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from domain.correction import CorrectAmount, CorrectFact, FactCorrected
from domain.money import Money
from domain.opportunity import Won
from domain.opportunity.closing import OpportunityWon
from domain.recorded import Recorded
from domain.reference.customer import CustomerWithdrawn

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.application.receipts import Receipt


def consequences(app: "App", receipt: "Receipt", command: Any) -> Iterator[str]:
    """A sentence for each consequence of a command that was carried out."""
    if isinstance(command, CorrectFact):
        yield from wins_that_stay(app, receipt.stream, command)
    elif isinstance(command, CorrectAmount) and receipt.facts and not receipt.repeated:
        yield from another_amount(app, receipt.stream)
    for (stream, version), tag in zip(receipt.facts, receipt.types, strict=True):
        if tag == CustomerWithdrawn.__struct_config__.tag:
            fact = app.log.histories([stream])[stream][version - 1]
            assert isinstance(fact.event, CustomerWithdrawn)
            yield f"{fact.event.account or stream} is a customer no more: no other deal of theirs is won"


def another_amount(app: "App", stream: str) -> Iterator[str]:
    """What changes where a won deal was won for another amount, and what does not."""
    facts = app.log.histories([stream])[stream]
    *before, last = facts
    assert isinstance(last.event, FactCorrected)
    wrong, right = standing_amount(before, last.event.corrects), amount_of(last.event.replacement)
    if wrong is None or right is None:
        return
    day = f"{last.occurred_at.astimezone(app.zone()):%Y-%m-%d}"
    yield (
        f"{stream} counts as won for {right} in the place of {wrong}, from its win on {day} on; "
        f"figures as known at position {last.position - 1} stay as they were"
    )
    state = app.dispatcher().history(stream).state
    if isinstance(state, Won) and (shares := state.deal.judgement.shares):
        yield f"{' and '.join(part.owner for part in shares)} share in it: each has their part of the new amount"


def standing_amount(facts: list[Recorded], version: int) -> Money | None:
    """The amount that the fact of a version says, as it was corrected last."""
    for fact in reversed(facts):
        if isinstance(fact.event, FactCorrected) and fact.event.corrects == version:
            return amount_of(fact.event.replacement)
        if fact.version == version:
            return amount_of(fact.event)
    return None


def wins_that_stay(app: "App", stream: str, command: CorrectFact) -> Iterator[str]:
    """A sentence for a win that still has the amount that was wrong, with the command that mends it."""
    facts = app.log.histories([stream]).get(stream, [])
    wrong = next((amount_of(fact.event) for fact in facts if fact.version == command.version), None)
    right = amount_of(command.replacement)
    corrected = {fact.event.corrects for fact in facts if isinstance(fact.event, FactCorrected)}
    if wrong is None or right is None or wrong == right:
        return
    wins = [fact for fact in facts if isinstance(fact.event, OpportunityWon)]
    for fact in wins:
        assert isinstance(fact.event, OpportunityWon)
        if fact.version in corrected or fact.event.amount != wrong:
            continue
        if fact is wins[-1] and isinstance(app.dispatcher().history(stream).state, Won):
            words = ["correct-amount", stream, "--amount", str(right), "--reason", command.reason]
        else:
            mended = msgspec.json.encode(replace(app.vault.open(stream, fact.event), amount=right)).decode()
            version = str(fact.version)
            words = ["correct", stream, "--version", version, "--reason", command.reason, "--replacement", mended]
        yield (
            f"{stream} was won for {wrong} in version {fact.version}: won deals are counted by that, and it "
            f"stays. To correct it too: dealtrail opportunity {shlex.join(words)}"
        )


def amount_of(event: Any) -> Money | None:
    """The amount that a fact says, if it says one."""
    found = getattr(event, "amount", None) or getattr(event, "to", None)
    return found if isinstance(found, Money) else None
