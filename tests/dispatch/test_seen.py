"""Which facts contradict a command of somebody who looked before them."""

from typing import Any

from domain import BY_KIND
from domain.correction import FactCorrected
from domain.lead import LeadContacted, LeadQualified, QualifyLead
from domain.lead.profile import AssignLead, LeadAssigned
from domain.opportunity import (
    OpportunityLost,
    OpportunityWon,
    WinOpportunity,
    follow_up,
    judgement,
    line_items,
    progress,
    terms,
)
from infra.application.seen import rivals
from tests.offenders import every

CASES: list[tuple[str, type[Any], set[type[Any]], set[type[Any]]]] = [
    ("opportunity", progress.ChangeStage,
     {progress.StageChanged, progress.PipelineChanged, OpportunityWon, OpportunityLost, FactCorrected},
     {follow_up.ActivityCompleted, follow_up.NextStepSet, terms.AmountChanged, terms.OwnerChanged}),
    ("opportunity", terms.ChangeAmount,
     {terms.AmountChanged, line_items.LineItemAdded, OpportunityWon},
     {terms.OwnerChanged, terms.CloseDateChanged, progress.StageChanged, follow_up.ActivityCompleted}),
    ("opportunity", terms.ChangeProduct,
     {terms.ProductChanged, line_items.LineItemAdded, line_items.LineItemChanged, line_items.LineItemRemoved},
     {terms.AmountChanged, terms.OwnerChanged}),
    ("opportunity", follow_up.SetNextStep, {follow_up.NextStepSet}, {progress.StageChanged, terms.AmountChanged}),
    ("opportunity", WinOpportunity,
     {terms.AmountChanged, line_items.LineItemChanged, progress.StageChanged, OpportunityLost},
     {follow_up.ActivityCompleted, terms.CloseDateChanged}),
    ("opportunity", judgement.ChangeForecastCategory, {judgement.ForecastCategoryChanged}, {terms.AmountChanged}),
    ("lead", AssignLead, {LeadAssigned, LeadQualified}, {LeadContacted}),
    ("lead", QualifyLead, {LeadQualified}, {LeadAssigned, LeadContacted}),
]  # fmt: skip


@every(("kind", "command", "against", "beside"), CASES, ids=[case[1].__name__ for case in CASES])
def test_a_command_is_contradicted_by_what_changed_the_same_thing(
    kind: str, command: type[Any], against: set[type[Any]], beside: set[type[Any]]
) -> None:
    found = rivals(BY_KIND[kind], command)
    assert against <= found
    assert not beside & found


def test_every_command_knows_its_rivals() -> None:
    for decider in BY_KIND.values():
        for command in decider.commands:
            assert rivals(decider, command), command
