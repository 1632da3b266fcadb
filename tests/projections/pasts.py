"""Each deal's past by the domain's own fold: in which states it was, by what was known and true at a moment."""

from typing import Any, NamedTuple

from domain import opportunity
from domain.recorded import Fact
from projections.query.question import Question


class Then(NamedTuple):
    """A deal after one of its facts: when that was, in which state, and since when it has its stage and status."""

    when: int
    state: Any
    began: int

    @property
    def status(self) -> str:
        return type(self.state).__name__.lower()

    @property
    def deal(self) -> opportunity.Deal:
        return self.state.deal

    @property
    def at(self) -> tuple[str, int, str]:
        """(process, version, stage)"""
        return self.deal.progress.process, self.deal.progress.process_version, self.deal.progress.stage


GONE = ("merged", "deleted")


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
        state, place, began, steps = None, None, 0, list[Then]()
        for when, _, event in standing(facts, stream, question.known_at):
            state = opportunity.evolve(state, event)
            if state is None or when > question.effective_at:
                continue
            then = Then(when, state, began)
            if then.status not in GONE and place != (then.status, then.at[0], then.at[2]):
                place, began = (then.status, then.at[0], then.at[2]), when
            steps.append(then._replace(began=began))
        if steps and wanted(steps[-1].deal, question):
            found[stream] = steps
    return found


def wanted(deal: opportunity.Deal, question: Question) -> bool:
    """Whether the filters let a deal through."""
    pairs = [
        (question.pipeline, deal.progress.process),
        (question.owner, deal.terms.owner),
        (question.product, deal.opened.product),
        (question.source, deal.opened.source),
        (question.currency, deal.amount.currency),
    ]
    return all(asked is None or asked == found for asked, found in pairs)
