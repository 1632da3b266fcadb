"""Nothing of what came after a cut changes a forecast made at it, and a model that did look would be caught."""

import numpy as np
import pytest

from projections.outlook.digests import deals_digest, figures_digest
from projections.outlook.fitting import fit
from projections.outlook.forecasting import forecast
from projections.outlook.lives import LOST, TO_LOST, TO_WON, WON, Lives
from tests.outlook.simulated import World, history
from tests.outlook.truncation import truncated

CUTS = 20
WORLD = World(days=400, rate=1.5)


def digests(lives: Lives) -> tuple[str, str]:
    outlook = forecast(fit(lives), lives, lives.cut + 1, lives.cut + 30)
    return figures_digest(outlook), deals_digest(outlook, lives)


def poisoned(lives: Lives, cut: int) -> Lives:
    """Another history after a cut: what was won was lost and the other way round, later and for other amounts."""
    v, d = lives.visits, lives.deals
    later, closed = v.left > cut, d.closed > cut
    exits = np.where(later & (v.exit == TO_WON), TO_LOST, np.where(later & (v.exit == TO_LOST), TO_WON, v.exit))
    status = np.where(closed & (d.status == WON), LOST, np.where(closed & (d.status == LOST), WON, d.status))
    return lives._replace(
        visits=v._replace(exit=exits, left=np.where(later & (v.left < 2**29), v.left + 3, v.left)),
        deals=d._replace(
            status=status, amount=np.where(closed, d.amount * 7 + 13, d.amount),
            closed=np.where(closed & (d.closed < 2**29), d.closed + 3, d.closed),
        ),
    )  # fmt: skip


def cuts(lives: Lives) -> list[int]:
    return np.linspace(lives.start + 100, lives.cut - 10, CUTS).astype(int).tolist()


def leaking(lives: Lives, whole: Lives) -> Lives:
    """A cut with a feature of the future: whether a deal will be won, as its source."""
    kept = whole.deals.opened <= lives.cut
    return lives._replace(
        deals=lives.deals._replace(source=(whole.deals.status == WON)[kept].astype(np.int64)),
        labels=lives.labels._replace(source=("other", "will be won")),
    )


@pytest.fixture(scope="module")
def lives() -> Lives:
    return history(11, WORLD)


@pytest.mark.slow
def test_a_forecast_is_the_same_whatever_happened_after_its_cut(lives: Lives) -> None:
    for cut in cuts(lives):
        plain = digests(truncated(lives, cut))
        assert digests(truncated(poisoned(lives, cut), cut)) == plain
        assert digests(truncated(truncated(lives, cut + 5), cut)) == plain


def test_a_feature_of_the_future_is_caught(lives: Lives) -> None:
    cut = cuts(lives)[10]
    right = digests(leaking(truncated(lives, cut), lives))
    wrong = digests(leaking(truncated(poisoned(lives, cut), cut), poisoned(lives, cut)))
    assert right != wrong


def test_a_poisoned_history_is_another_one(lives: Lives) -> None:
    cut = cuts(lives)[10]
    assert digests(truncated(poisoned(lives, cut), cut + 30)) != digests(truncated(lives, cut + 30))
