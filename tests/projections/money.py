"""A process whose stages differ in what the money metrics look at, and what these metrics answer in few words."""

from datetime import date
from decimal import Decimal
from typing import Any

from domain.money import Money
from domain.reference.forecast import AdjustForecast
from domain.reference.process import ForecastCategory, PublishProcess, Stage
from domain.reference.rate import SetFxRate
from projections.query.question import Question
from tests.desk import Desk

Q1_DAYS = date(2026, 1, 1), date(2026, 3, 31)
CENT = Decimal("0.01")


def stage(name: str, place: int, category: ForecastCategory, stale_days: int | None = None) -> Stage:
    return Stage(name, name.title(), place, "open", Decimal("0.5"), category, (), stale_days)


ENDS = Stage("won", "Won", 80, "won", Decimal(1), "closed"), Stage("lost", "Lost", 90, "lost", Decimal(0), "omitted")
JUDGED = PublishProcess(
    "Sales",
    (
        stage("need", 1, "pipeline", 30), stage("demo", 2, "best-case", 10), stage("offer", 3, "commit"),
        stage("hold", 4, "omitted"), *ENDS,
    ),
)  # fmt: skip


def day(text: str) -> date:
    """A day of 2026."""
    return date.fromisoformat(f"2026-{text}")


def money(amount: str) -> Decimal:
    return Decimal(amount).quantize(CENT)


def adjust(holder: str, amount: Money, replaces: Money, category: Any = "commit") -> AdjustForecast:
    return AdjustForecast(holder, *Q1_DAYS, category, amount, "I know them", replaces)


def worth(base: str, rate: str, of: str) -> SetFxRate:
    """One unit of a currency in euros, from a day on."""
    return SetFxRate(base, "EUR", day(of), Decimal(rate))


def left_out(desk: Desk, metric: str, **asked: Any) -> dict[str, int]:
    """How many rows count nowhere, by reason."""
    desk.views.catch_up()
    return desk.views.ask(metric, Question(**asked)).left_out


def explained(desk: Desk, metric: str, **asked: Any) -> list[tuple[Any, list[dict[str, Any]]]]:
    """Each record with what each row behind it adds."""
    desk.views.catch_up()
    figures = desk.views.explain(metric, Question(**asked)).figures
    return [(record, [row.adds for row in rows]) for _, record, rows in figures]
