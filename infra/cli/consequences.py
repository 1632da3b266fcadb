"""What a correction leaves as it was, although it was said after the fact that was wrong."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from domain.correction import CorrectFact, FactCorrected
from domain.money import Money
from domain.opportunity.closing import OpportunityWon
from infra.application.answers import digits

if TYPE_CHECKING:
    from infra.application.app import App


def consequences(app: "App", stream: str, command: CorrectFact) -> Iterator[str]:
    """A sentence for a win that still has the amount that was wrong, with the command that mends it."""
    facts = app.log.histories([stream]).get(stream, [])
    wrong = next((amount_of(fact.event) for fact in facts if fact.version == command.version), None)
    right = amount_of(command.replacement)
    corrected = {fact.event.corrects for fact in facts if isinstance(fact.event, FactCorrected)}
    if wrong is None or right is None or wrong == right:
        return
    for fact in facts:
        if isinstance(fact.event, OpportunityWon) and fact.version not in corrected and fact.event.amount == wrong:
            mended = replace(app.vault.open(stream, fact.event), amount=right)
            words = [stream, "--version", str(fact.version), "--reason", command.reason, "--replacement"]
            written = shlex.join([*words, msgspec.json.encode(mended).decode()])
            said = f"{digits(wrong.amount, wrong.currency)} {wrong.currency}"
            yield (
                f"{stream} was won for {said} in version {fact.version}: won deals are counted by that, and it stays. "
                f"To correct it too: dealtrail opportunity correct {written}"
            )


def amount_of(event: Any) -> Money | None:
    """The amount that a fact says, if it says one."""
    found = getattr(event, "amount", None) or getattr(event, "to", None)
    return found if isinstance(found, Money) else None
