"""What processes, stages and deals are called."""

from collections.abc import Sequence

from domain import BY_KIND
from domain.history import History
from domain.reference.process import Published
from infra.application.histories import LATEST
from infra.identity.masking import MASKED
from infra.identity.visibility import hidden_streams
from infra.web.page import Visit


def process_of(visit: Visit, process: str) -> Published | None:
    """A process with its stages, as it stands."""
    known = visit.app.log.facts([process], LATEST).get(process, ())
    return History(process, BY_KIND["process"], known).state


def process_name(visit: Visit, process: str) -> str:
    """What a process is called."""
    found = process_of(visit, process)
    return found.name if found else process


def stage_names(visit: Visit, process: str) -> dict[str, str]:
    """What the stages of a process are called, by their ids; nothing where there is no such process."""
    state = process_of(visit, process)
    return {each.id: state.names.get(each.id, each.name) for each in state.versions[state.newest]} if state else {}


def names_of(visit: Visit, streams: Sequence[str]) -> dict[str, str]:
    """What deals are called, as they stand: by their name, or else their account; of those that they see now."""
    reading, hidden = visit.reading.opened, hidden_streams(visit.app, visit.caller, streams)
    names: dict[str, str] = {}
    for stream, facts in reading.log.facts([each for each in streams if each not in hidden], LATEST).items():
        known = [fact._replace(event=reading.vault.open(stream, fact.event)) for fact in facts]
        deal = getattr(History(stream, BY_KIND[stream.partition("-")[0]], known).state, "deal", None)
        called = (deal.terms.name, deal.terms.account) if deal is not None else ()
        if name := next((each for each in called if each and each != MASKED), ""):
            names[stream] = name
    return names
