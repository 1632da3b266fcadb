"""What a seller knows better than the process: its table, how long it lasts, and what is out of bounds."""

from decimal import Decimal
from functools import reduce

import pytest

from domain.errors import Malformed
from domain.opportunity.closing import OpportunityReopened
from domain.opportunity.judgement import (
    ChangeForecastCategory,
    ChangeSplits,
    ClearProbability,
    ForecastCategoryChanged,
    Judgement,
    OverrideProbability,
    ProbabilityCleared,
    ProbabilityOverridden,
    Share,
    SplitsChanged,
    decide,
    evolve,
)
from domain.opportunity.progress import PipelineChanged, StageChanged
from domain.opportunity.removal import OpportunityMerged, OpportunityUnmerged
from tests.domain.deals import HALVES, LOST, OPENED, OPPORTUNITY, WON
from tests.domain.table import fold
from tests.offenders import every

NINETY = Decimal("0.9")
ALL_ANN = (Share("ann", Decimal(1)),)
OVERRIDDEN = ProbabilityOverridden(NINETY, "they nodded")
COMMITTED = ForecastCategoryChanged(None, "commit")
SHARED = SplitsChanged(HALVES)

STATES = {"nothing": (), "judged": (OVERRIDDEN, COMMITTED, SHARED)}
ROWS = [
    ("nothing", OverrideProbability(NINETY, "they nodded"), (OVERRIDDEN,)),
    ("nothing", OverrideProbability(Decimal(0), "gut"), (ProbabilityOverridden(Decimal(0), "gut"),)),
    ("nothing", ClearProbability(), ()),
    ("nothing", ChangeForecastCategory("commit"), (COMMITTED,)),
    ("nothing", ChangeForecastCategory(), ()),
    ("nothing", ChangeSplits(HALVES), (SHARED,)),
    ("nothing", ChangeSplits(), ()),
    ("judged", OverrideProbability(Decimal("0.90"), "other words"), ()),
    ("judged", OverrideProbability(Decimal(1), "signed"), (ProbabilityOverridden(Decimal(1), "signed"),)),
    ("judged", ClearProbability(), (ProbabilityCleared(),)),
    ("judged", ChangeForecastCategory("commit"), ()),
    ("judged", ChangeForecastCategory("omitted"), (ForecastCategoryChanged("commit", "omitted"),)),
    ("judged", ChangeForecastCategory(), (ForecastCategoryChanged("commit", None),)),
    ("judged", ChangeSplits(HALVES), ()),
    ("judged", ChangeSplits(ALL_ANN), (SplitsChanged(ALL_ANN),)),
    ("judged", ChangeSplits(), (SplitsChanged(()),)),
]


@every(("given", "when", "then"), ROWS, ids=[f"{given} - {when.__struct_config__.tag}" for given, when, _ in ROWS])
def test_a_command_leads_to_these_facts(given, when, then):
    state = reduce(evolve, STATES[given], Judgement())
    assert decide(state, when) == then
    assert decide(reduce(evolve, then, state), when) == ()


def test_the_table_has_every_state_beside_every_command():
    commands = (OverrideProbability, ClearProbability, ChangeForecastCategory, ChangeSplits)
    assert {(given, type(when)) for given, when, _ in ROWS} == {(state, kind) for state in STATES for kind in commands}


def test_facts_lead_to_this_judgement():
    judged = reduce(evolve, STATES["judged"], Judgement())
    assert judged == Judgement(NINETY, "commit", HALVES)
    taken_back = (ProbabilityCleared(), ForecastCategoryChanged("commit", None), SplitsChanged(()))
    assert reduce(evolve, taken_back, judged) == Judgement()


MOVES = (
    StageChanged("demo", "offer", 1, "forward"),
    PipelineChanged("process-renewals", 1, "review", {"offer": "review"}),
    StageChanged("review", "terms", 1, "forward"),
)


@every(
    ("happened", "judgement"),
    [
        ((), Judgement(NINETY, "commit", HALVES)),
        (MOVES, Judgement(NINETY, "commit", HALVES)),
        ((WON,), Judgement(shares=HALVES)),
        ((LOST,), Judgement(shares=HALVES)),
        ((WON, OpportunityReopened("demo", "again")), Judgement(shares=HALVES)),
        ((LOST, OpportunityReopened("demo", "again"), COMMITTED), Judgement(None, "commit", HALVES)),
        ((OpportunityMerged("opportunity-8"), OpportunityUnmerged("two")), Judgement(NINETY, "commit", HALVES)),
    ],
    ids=["judged", "moved", "won", "lost", "reopened", "judged anew once reopened", "merged and unmerged"],
)
def test_a_judgement_lasts_until_the_deal_is_closed_and_who_shares_in_it_outlives_that(happened, judgement):
    assert fold(OPPORTUNITY, (OPENED, *STATES["judged"], *happened)).deal.judgement == judgement


def shared(*shares: str) -> ChangeSplits:
    return ChangeSplits(tuple(Share(f"seller {number}", Decimal(share)) for number, share in enumerate(shares)))


@every(
    ("command", "reason"),
    [
        (lambda: OverrideProbability(Decimal("1.01"), "gut"), "probability: 1.01 is not from 0 to 1"),
        (lambda: OverrideProbability(Decimal("-0.01"), "gut"), "probability: -0.01 is not from 0 to 1"),
        (lambda: OverrideProbability(Decimal("NaN"), "gut"), "probability: NaN is not from 0 to 1"),
        (lambda: OverrideProbability(Decimal("0.12345"), "gut"),
         "probability: 0.12345 is finer than a basis point (0.0001)"),
        (lambda: OverrideProbability(NINETY, " "), "reason: overriding the stage's probability needs one"),
        (lambda: ChangeForecastCategory("closed"), "to: a deal is closed by winning it, not by its forecast category"),
        (lambda: shared("0.5", "0.4"), "shares.share: they come to 0.9, not to 1"),
        (lambda: shared("0.5", "0.6"), "shares.share: they come to 1.1, not to 1"),
        (lambda: shared("1", "0"), "shares.share: each is above 0 and at most 1"),
        (lambda: shared("1.5", "-0.5"), "shares.share: each is above 0 and at most 1"),
        (lambda: shared("NaN"), "shares.share: each is above 0 and at most 1"),
        (lambda: ChangeSplits((Share("ann", Decimal("0.5")), Share("ann", Decimal("0.5")))),
         "shares.owner: somebody stands twice"),
        (lambda: ChangeSplits((Share(" ", Decimal(1)),)), "shares.owner: a share is somebody's"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_judgement_out_of_bounds_is_malformed(command, reason):
    with pytest.raises(Malformed) as refusal:
        command()
    assert str(refusal.value) == reason


@every("shares", [("1",), ("0.3", "0.3", "0.4"), ("0.0001", "0.9999"), ("0.50", "0.5")])
def test_shares_that_come_to_one_are_granted(shares):
    assert len(shared(*shares).shares) == len(shares)
