"""Case 10: a probability and a forecast category judged by hand."""

from decimal import Decimal

from domain.opportunity.closing import LoseOpportunity, ReopenOpportunity
from domain.opportunity.judgement import ChangeForecastCategory, ClearProbability, OverrideProbability
from domain.opportunity.progress import ChangeStage
from domain.recorded import micros
from tests.desk import Desk, deal, eur, on
from tests.hard_cases import A


def test_case_10_a_manual_probability_and_category_stay_across_moves_and_end_with_the_deal(desk: Desk):
    desk.tell(A, deal(eur("1000")), "01-05")
    desk.tell(A, OverrideProbability(Decimal("0.8"), "knows the buyer"), "01-10")
    desk.tell(A, ChangeForecastCategory("commit"), "01-10")
    before = desk.now()
    desk.tell(A, ChangeStage("demo"), "01-20")
    desk.tell(A, ClearProbability(), "02-01")
    desk.tell(A, OverrideProbability(Decimal("0.05"), "the buyer left"), "02-10")
    desk.tell(A, LoseOpportunity("price"), "02-20")
    desk.tell(A, ReopenOpportunity("a new buyer"), "04-01")
    days = ("01-08", "01-15", "01-25", "02-05", "02-15", "02-25", "04-02")
    assert [desk.weighted(day) for day in days] == [
        [("need", Decimal("100"))],  # the stage's 10 %
        [("need", Decimal("800"))],  # 80 %, judged by hand
        [("demo", Decimal("800"))],  # and so after the move
        [("demo", Decimal("300"))],  # cleared: the stage's 30 %
        [("demo", Decimal("50"))],  # 5 %
        [],  # lost
        [("demo", Decimal("300"))],  # reopened: what was judged before counts no more
    ]
    assert desk.weighted(known_at=before) == [("need", Decimal("800"))]
    history = desk.history(A)
    judged = [history.state_at(micros(on(day))).deal.judgement.category for day in ("01-08", "01-25", "02-15", "04-02")]
    assert judged == [None, "commit", "commit", None]
