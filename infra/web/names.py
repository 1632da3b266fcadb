"""What processes, stages and deals are called."""

from collections.abc import Sequence
from typing import Any

from domain import BY_KIND
from domain.history import History
from domain.opportunity.states import Deal
from domain.reference.process import Published
from infra.application.histories import LATEST
from infra.identity.masking import MASKED
from infra.identity.visibility import hidden_streams
from infra.web.page import Visit


def process_of(visit: Visit, process: str) -> Published | None:
    """A process with its stages, as it stands."""
    return state_of(visit, process) if process.startswith("process-") else None


def state_of(visit: Visit, stream: str) -> Any:
    """What a stream has come to, whose facts hold nothing sealed."""
    decider, known = BY_KIND.get(stream.partition("-")[0]), visit.app.log.facts([stream], LATEST).get(stream, ())
    return History(stream, decider, known).state if decider else None


def published_name(visit: Visit, stream: str) -> str:
    """What a process or a framework is called."""
    found = state_of(visit, stream)
    return found.name if found else stream


def stage_names(visit: Visit, process: str) -> dict[str, str]:
    """What the stages of a process are called, by their ids; nothing where there is no such process."""
    state = process_of(visit, process)
    return {each.id: state.names.get(each.id, each.name) for each in state.versions[state.newest]} if state else {}


def names_of(visit: Visit, streams: Sequence[str]) -> dict[str, str]:
    """What deals are called, as they stand: by their name, or else their account; of those that they see now."""
    names = {stream: called(deal) for stream, deal in deals_of(visit, streams).items()}
    return {stream: name for stream, name in names.items() if name}


def called(deal: Deal) -> str:
    """What a deal is called: its name, or else its account; nothing where neither is to be seen."""
    return next((each for each in (deal.terms.name, deal.terms.account) if each and each != MASKED), "")


def deals_of(visit: Visit, streams: Sequence[str]) -> dict[str, Deal]:
    """Deals as they stand; of those that they see now."""
    reading, hidden = visit.reading.opened, hidden_streams(visit.app, visit.caller, streams)
    deals: dict[str, Deal] = {}
    for stream, facts in reading.log.facts([each for each in streams if each not in hidden], LATEST).items():
        known = [fact._replace(event=reading.vault.open(stream, fact.event)) for fact in facts]
        if deal := getattr(History(stream, BY_KIND[stream.partition("-")[0]], known).state, "deal", None):
            deals[stream] = deal
    return deals
