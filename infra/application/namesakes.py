"""Who has the same e-mail address as somebody else, by what addresses are looked up by, never by the addresses."""

from collections.abc import Sequence
from contextlib import suppress

from domain import kind
from domain.errors import PipelineError, Unavailable
from domain.lead import Converted, New, Nurturing, Qualified, Working
from infra.application.histories import Histories
from infra.application.receipts import Outcome, Receipt

Live = New | Working | Nurturing | Qualified | Converted
"""A lead that somebody may be confused with; one that was merged or disqualified is settled."""


class Namesakes:
    """The leads that have some addresses now, by what those are looked up by."""

    def __init__(self, histories: Histories, tokens: Sequence[bytes]) -> None:
        self.leads: dict[bytes, list[str]] = {}
        vault, found = histories.vault, histories.log.subjects_by_token(tokens)
        streams = {stream for streams in found.values() for stream in streams if kind(stream) == "lead"}
        shared = {stream for streams in found.values() if len(streams) > 1 for stream in streams} & streams
        histories.load(shared)
        for token, subjects in found.items():
            for stream in subjects:
                state = histories[stream].state if stream in shared else None
                if isinstance(state, Live) and vault.token(state.lead.profile.email) == token:
                    self.leads.setdefault(token, []).append(stream)

    def warned(self, receipt: Receipt, addressed: Sequence[tuple[str, bytes]]) -> Receipt:
        """A receipt that warns of every other lead that has an address which its own was given."""
        others = {
            lead: stream
            for stream, token in addressed
            if stream == receipt.stream
            for lead in self.leads.get(token, ())
            if lead != stream
        }
        if not others:
            return receipt
        warnings = [f"email: {other} has this address already; merge-lead says that they are one" for other in others]
        return receipt._replace(warnings=tuple(warnings), others=tuple(others))


def with_warnings(
    histories: Histories, addressed: Sequence[Sequence[tuple[str, bytes]]], outcomes: Sequence[Outcome]
) -> list[Outcome]:
    """The outcomes, each receipt that gave a lead an e-mail address with a warning for every other lead that has it.

    They are looked up once all is appended: so of two who come at once, the later one is warned.
    """
    done = [
        () if isinstance(outcome, PipelineError) else pairs for pairs, outcome in zip(addressed, outcomes, strict=True)
    ]
    wanted = list({token for pairs in done for _, token in pairs})
    if not wanted:
        return [*outcomes]
    with suppress(Unavailable):  # what was asked for is done, whatever can be said of it
        namesakes = Namesakes(histories, wanted)
        return [
            outcome if isinstance(outcome, PipelineError) else [namesakes.warned(each, pairs) for each in outcome]
            for outcome, pairs in zip(outcomes, done, strict=True)
        ]
    return [*outcomes]
