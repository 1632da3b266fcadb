"""A sales desk: a log on a real database, asked and told in few words."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.history import History
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.recorded import Request, micros
from domain.reference.process import PublishProcess, Stage
from infra.application.app import App
from infra.application.dispatch import Dispatcher, Receipt
from infra.settings import Settings
from infra.store import Log
from infra.views import Views
from projections.query.question import Question
from projections.versions import END

SALES = "process-sales"


def eur(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def usd(amount: str) -> Money:
    return Money(Decimal(amount), "USD")


def deal(amount: Money, stage: str = "", **more: Any) -> OpenOpportunity:
    return OpenOpportunity(SALES, amount, stage, **more)


def sales(*stages: tuple[str, str]) -> PublishProcess:
    """A process of open stages, each with its chance, and won and lost."""
    opens = [
        Stage(name, name.title(), place, "open", Decimal(chance), "pipeline")
        for place, (name, chance) in enumerate(stages, 1)
    ]
    won, lost = (
        Stage("won", "Won", 80, "won", Decimal(1), "closed"),
        Stage("lost", "Lost", 90, "lost", Decimal(0), "omitted"),
    )
    return PublishProcess("Sales", (*opens, won, lost))


THREE = sales(("need", "0.1"), ("demo", "0.3"), ("offer", "0.6"))


def on(day: str) -> datetime:
    """Noon of a day of 2026, written as month and day; or an instant written out."""
    return datetime.fromisoformat(f"2026-{day}T12:00:00" if len(day) == 5 else f"2026-{day}").replace(tzinfo=UTC)


def start(day: str) -> int:
    """The first instant of a day of 2026."""
    return micros(datetime.fromisoformat(f"2026-{day}").replace(tzinfo=UTC))


Q1 = {"since": start("01-01"), "until": start("04-01")}
Q2 = {"since": start("04-01"), "until": start("07-01")}


class Desk:
    """Commands go in by the dispatcher, answers come out of the tables."""

    def __init__(self, url: str, log: Log, folder: Path) -> None:
        self.app = App(Settings(db=url, key_file=str(folder / "key")), log)
        self.dispatcher, self.log = self.app.dispatcher(), log
        self.views = Views.open(url, log, clock=lambda: 0)  # so that now is when the newest fact happened
        self.tell(SALES, THREE, "01-01")

    def another(self) -> Dispatcher:
        """A dispatcher as another process would have it."""
        return App(self.app.settings, self.log).dispatcher()

    def tell(self, stream: str, command: Any, day: str, **envelope: Any) -> Receipt:
        return self.dispatcher.execute(
            Request(stream=stream, command=command, actor="ann", occurred_at=on(day), **envelope)
        )

    def now(self) -> int:
        """The position up to which all is known by now."""
        return self.log.head()

    def ask(self, metric: str, at: str = "", **asked: Any) -> list[Any]:
        """The records of a metric, as true at the end of a day (now, where none is said)."""
        effective = {"effective_at": micros(on(f"{at}T23:59:59"))} if at else {}
        self.views.catch_up()
        return self.views.ask(metric, Question(**effective, **asked)).records

    def board(self, at: str = "", **asked: Any) -> list[tuple[str, str, int, Decimal]]:
        return [(row.stage, row.currency, row.deals, row.amount) for row in self.ask("board", at, **asked)]

    def weighted(self, at: str = "", **asked: Any) -> list[tuple[str, Decimal]]:
        return [(row.stage, row.weighted) for row in self.ask("weighted", at, **asked)]

    def win_rate(self, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
        """(currency, won, lost, amount won, amount lost, rate by count)"""
        rows = self.ask("win-rate", at, **asked)
        return [(r.currency, r.won, r.lost, r.won_amount, r.lost_amount, r.by_count) for r in rows]

    def funnel(self, mode: str, at: str = "", **asked: Any) -> list[tuple[str, int, int, int]]:
        """(stage, entered, advanced, still open)"""
        return [(r.stage, r.entered, r.advanced, r.still_open) for r in self.ask("funnel", at, mode=mode, **asked)]

    def groups(self, metric: str, at: str = "", **asked: Any) -> list[tuple[str, int]]:
        """(group, how many deals) of each row of a metric asked by one dimension"""
        effective = micros(on(f"{at}T23:59:59")) if at else END
        self.views.catch_up()
        found = self.views.explain(metric, Question(effective_at=effective, **asked)).figures
        return [(*group.values(), len(rows)) for group, _, rows in found]

    def left_out(self, metric: str, **asked: Any) -> dict[str, int]:
        """How many deals a metric leaves out, by reason."""
        self.views.catch_up()
        return self.views.ask(metric, Question(**asked)).left_out

    def moves(self, at: str = "", **asked: Any) -> list[tuple[str, str, str, int]]:
        """(stage left, stage, status, how many moves)"""
        return [(r.stage, r.to_stage, r.to_status, r.moves) for r in self.ask("transitions", at, **asked)]

    def flow(self, at: str = "", **asked: Any) -> list[tuple[str, int, int, int, int]]:
        """(stage, present, progressed, lost, back), of stages in which somebody was"""
        rows = self.ask("stage-flow", at, **asked)
        return [(r.stage, r.present, r.progressed, r.lost, r.back) for r in rows if r.present]

    def stays(self, mode: str, at: str = "", **asked: Any) -> list[tuple[str, int, int, int | None, float | None]]:
        """(stage, stays, those left, median days by Kaplan and Meier, median of those left)"""
        rows = self.ask("time-in-stage", at, mode=mode, **asked)
        return [(r.stage, r.visits, r.left, r.median_days, r.closed_median_days) for r in rows]

    def generated(self, at: str = "", **asked: Any) -> list[tuple[str, str, int, Decimal]]:
        """(qualifying stage, currency, deals, amount)"""
        return [(r.stage, r.currency, r.deals, r.amount) for r in self.ask("generation", at, **asked)]

    def due(self, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
        """(currency, due, won, lost, slipped, share slipped)"""
        return [(r.currency, r.due, r.won, r.lost, r.slipped, r.rate) for r in self.ask("slip-rate", at, **asked)]

    def balance(self, at: str = "", **asked: Any) -> list[tuple[str, str, int, Decimal]]:
        """(currency, bucket, deals, amount) of the buckets that something fell into"""
        rows = self.ask("waterfall", at, **asked)
        return [(r.currency, r.bucket, r.deals, r.amount) for r in rows if r.deals]

    def forecast(self, at: str = "", **asked: Any) -> list[tuple[str, int, Decimal, Decimal]]:
        """(category, deals, amount, cumulative)"""
        return [(r.category, r.deals, r.amount, r.cumulative) for r in self.ask("forecast", at, **asked)]

    def covered(self, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
        """(open amount, won amount, quota, remaining, coverage)"""
        rows = self.ask("coverage", at, **asked)
        return [(r.open_amount, r.won_amount, r.quota, r.remaining, r.coverage) for r in rows]

    def speed(self, at: str = "", **asked: Any) -> list[tuple[Any, ...]]:
        """(open deals, win rate, mean amount won, mean cycle in days, velocity)"""
        rows = self.ask("velocity", at, **asked)
        return [(r.open_deals, r.win_rate, r.mean_won_amount, r.mean_cycle_days, r.velocity) for r in rows]

    def history(self, stream: str, known_at: int = END) -> History:
        """A stream as its decider sees it, as known at a position."""
        facts = self.log.facts([stream], min(known_at, self.log.head())).get(stream, [])
        return History(stream, self.another().history(stream).decider, facts)

    def tags(self, stream: str) -> list[str]:
        return [fact.tag for fact in self.log.facts([stream], self.log.head()).get(stream, [])]
