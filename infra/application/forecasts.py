"""Forecasts of what will be won: made of the log, issued as facts, and scored when their period is over."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import NamedTuple

from domain.errors import Malformed, NotFound, Rejected
from domain.money import check_currency, from_minor_units
from domain.recorded import Request
from domain.reference.outlook import (
    TOTAL,
    Achieved,
    Expected,
    ForecastIssued,
    IssueOutlook,
    Outlook,
    ScoreOutlook,
    Spread,
    Weight,
    stream_of,
)
from infra.application.app import App
from infra.application.archives import archive_at, let_go
from infra.application.backcasts import Backcasts, backcasts
from infra.application.outlook import read_references
from infra.application.outlooks import outlook_of, period_of
from infra.application.predictions import MODEL, VERSION, folder_of
from infra.application.spans import Span
from projections.outlook import forecasting
from projections.outlook.archive import opened_in
from projections.outlook.blend import EXPERTS
from projections.outlook.cuts import Cut, cut
from projections.outlook.days import as_date, day_number
from projections.outlook.digests import deals_digest
from projections.outlook.experts import booked
from projections.outlook.fitting import Model, fit
from projections.outlook.forecasting import MEASURES, THOUSANDTHS, Figures, forecast, grouped
from projections.outlook.guards import Readiness, learns_until, readiness
from projections.outlook.lives import LEVELS, WON
from projections.outlook.settings import DEFAULT, Settings
from projections.outlook.states import Known

Progressed = Callable[[int], None]


class Forecast(NamedTuple):
    """A forecast of a period with what it was made of."""

    outlook: forecasting.Outlook
    model: Model
    cut: Cut
    past: Backcasts


def known_deals(app: App, currency: str, base_currency: str, upto: int | None = None) -> tuple[int, Known]:
    """A position, by default the log's last, and everything that the log tells of deals up to there.

    In the currency that all were opened in where none is given. Raises NotFound without any deal, Malformed where there
    are several currencies.
    """
    position, references = read_references(app, upto)
    archive = archive_at(app, position, references.calendar)
    currencies = opened_in(archive)
    if not currencies:
        raise NotFound("opportunities: none is known yet, so there is nothing to learn from")
    if not currency and len(currencies) != 1:
        raise Malformed(f"convert_to: the deals are in {', '.join(currencies)}: say in which currency to answer")
    return position, Known(archive, references, currency or currencies[0], base_currency)


class Forecaster:
    """Makes forecasts of one log up to a position, in one currency; reads it once.

    position: up to which it was read. progressed: hears of each past cut at which a forecast is made to learn from.
    """

    def __init__(
        self, app: App, currency: str = "", base_currency: str = "", upto: int | None = None,
        settings: Settings = DEFAULT, progressed: Progressed = lambda _: None,
    ) -> None:  # fmt: skip
        for field, code in (("convert_to", currency), ("base_currency", base_currency)):
            if code:
                check_currency(field, code)
        self.app, self.settings, self._progressed = app, settings, progressed
        self.position, self.known = known_deals(app, currency, base_currency, upto)
        self.currency = self.known.exchange.into
        self._cuts: dict[int, Cut] = {}
        self._past: dict[int, Backcasts] = {}

    def last_day(self) -> int:
        """The last day that is over, in the organisation's zone."""
        return day_number(self.app.now().astimezone(self.known.calendar.zone).date()) - 1

    def usual_day(self) -> int:
        """The day as of which a forecast is made where none is named: the last one over, or today in a log of today."""
        over = self.last_day()
        return over + 1 if self.known.first > over else over

    def at(self, day: int) -> Cut:
        """What was known at the end of a day. Raises NotFound where that was nothing."""
        if day not in self._cuts:
            self._cuts[day] = cut(self.known, day)
            let_go(self.known.archive)
        if not len(self._cuts[day].at):
            raise NotFound(f"as_of: nothing of any deal was known at the end of {as_date(day)}")
        return self._cuts[day]

    def once(self, day: int) -> Cut:
        """As `at`, for who asks for each day once and may find nothing."""
        self._progressed(1)
        return cut(self.known, day)

    def issued_before(self, first: int, last: int, day: int) -> ForecastIssued | None:
        """The forecast of a period that was issued as of a day, None where none was."""
        of = outlook_of(self.app, self.currency, as_date(first), as_date(last))
        return of.issued.get((as_date(day), MODEL)) if of else None

    def learnt(self, day: int) -> Backcasts:
        """What past forecasts were worth, as known at the end of a day."""
        if day not in self._past:
            lives, folder = self.at(day).lives, folder_of(self.app)
            until = learns_until(lives, self.settings)
            self._past[day] = backcasts(self.known, lives.start, until, self.settings, folder, self._progressed)
        return self._past[day]

    def remember(self, day: int, past: Backcasts) -> None:
        """Learn from past forecasts that somebody else made, in the place of making them."""
        self._past[day] = past

    def forecast(self, first: int, last: int, day: int) -> Forecast:
        """What will be won from a first to a last day, by what was available at the end of a day."""
        if last <= day:
            raise Malformed(f"period: it is over on {as_date(last)}, and nothing of it is to come after {as_date(day)}")
        now, past = self.at(day), self.learnt(day)
        model = fit(now.lives, self.settings)
        made = forecast(model, now.lives, first, last, past.record, past.bins)
        doubts = (*made.low_confidence, *self._unpriced(now))
        return Forecast(made._replace(low_confidence=doubts), model, now, past)

    def _unpriced(self, now: Cut) -> Iterator[str]:
        """Why not to trust amounts that no rate was there for. Raises Malformed where there was none for any."""
        missing, deals = int(now.unpriced.sum()), len(now.at)
        if missing == deals:
            raise Malformed(
                f"convert_to: no rate says what any deal is worth in {self.currency}: set one (set-fx-rate)"
            )
        if missing:
            yield f"{missing:,} of {deals:,} deals count as 0: no rate says what they are worth in {self.currency}"

    def readiness(self, day: int) -> Readiness:
        """What there is of what forecasts need, at the end of a day."""
        return readiness(self.at(day).lives, self.settings)


def issued(made: Forecast, position: int, settings: Settings = DEFAULT) -> IssueOutlook:
    """A forecast as it is recorded."""
    of = made.outlook
    weights = zip(EXPERTS, of.weights[MEASURES[0]], strict=True)
    return IssueOutlook(
        of.currency, as_date(of.first), as_date(of.last), as_date(of.cut), position, MODEL, VERSION,
        hashlib.sha256(repr(settings).encode()).hexdigest()[:16], of.seed, expected_by_level(of.currency, of.figures),
        tuple(Weight(name, Decimal(f"{weight:.6f}")) for name, weight in weights), of.low_confidence,
        deals_digest(of, made.cut.lives),
    )  # fmt: skip


def expected_by_level(currency: str, figures: Sequence[Figures]) -> tuple[Expected, ...]:
    """Figures as they are handed out."""
    by_level = {(each.measure, each.level): each for each in figures}
    return tuple(
        expected
        for level in (TOTAL, *LEVELS)
        if (MEASURES[0], level) in by_level
        for expected in expectations(currency, *(by_level[measure, level] for measure in MEASURES))
    )


def expectations(currency: str, amounts: Figures, wins: Figures) -> Iterable[Expected]:
    """What is forecast of each group of a level that has any."""
    for place, label in enumerate(amounts.labels):
        money = [from_minor_units(int(each[place]), currency) for each in spread_of(amounts)]
        count = [Decimal(int(each[place])) / THOUSANDTHS for each in spread_of(wins)]
        if amounts.level == TOTAL or any((*money, *count)):
            before = from_minor_units(int(amounts.booked[place]), currency)
            group = "" if amounts.level == TOTAL else label
            yield Expected(amounts.level, group, Spread(*money), Spread(*count), before)


def spread_of(figures: Figures) -> tuple[forecasting.Ints, ...]:
    """Mean, p10, p50 and p90."""
    return figures.mean, figures.p10, figures.p50, figures.p90


def issue(
    app: App, made: Forecast, position: int, actor: str, settings: Settings = DEFAULT
) -> tuple[ForecastIssued, bool]:
    """Record a forecast, unless one of that day is there; the one that stands, and whether it is new."""
    command = issued(made, position, settings)
    stream, refusal, new = stream_of(command.currency, command.start, command.end), None, False
    try:
        new = bool(app.execute(Request(stream=stream, command=command, actor=actor)).facts)
    except Rejected as error:  # somebody else may have come first, at another position
        refusal = error
    after = outlook_of(app, command.currency, command.start, command.end)
    standing = after.issued.get((command.as_of, MODEL)) if after else None
    if standing is None:
        raise refusal or Rejected(f"as_of: {command.as_of} was not issued")
    return standing, new


def achieved(forecaster: Forecaster, span: Span) -> tuple[Achieved, ...]:
    """What was won in a period, by level, as known now. Raises Rejected where no rate says what a win was worth."""
    now = forecaster.at(max(forecaster.last_day(), day_number(span.last)))
    lives, days = now.lives, (day_number(span.first), day_number(span.last))
    won = (lives.deals.status == WON) & (lives.deals.closed >= days[0]) & (lives.deals.closed <= days[1])
    if missing := [now.stream(row) for row in (won & now.unpriced).nonzero()[0].tolist()]:
        others = f" and {len(missing) - 1:,} more" if missing[1:] else ""
        raise Rejected(f"score: no rate says what {missing[0]}{others} came to in {lives.currency}, and a score stays")
    found = list[Achieved]()
    for level in (TOTAL, *LEVELS):
        labels, codes = grouped(lives, level)
        of = *days, codes, len(labels)
        amounts, wins = booked(lives, *of, True), booked(lives, *of, False)
        for place, label in enumerate(labels):
            if level == TOTAL or wins[place]:
                amount = from_minor_units(int(amounts[place]), lives.currency)
                found.append(Achieved(level, "" if level == TOTAL else label, amount, int(wins[place])))
    return tuple(found)


def score(app: App, stream: str, of: Outlook, forecaster: Forecaster, actor: str) -> Outlook:
    """Score a period that is over, which is done once."""
    span, any_of_them = period_of(of), next(iter(of.issued.values()))
    if day_number(span.last) > forecaster.last_day():
        raise Rejected(f"score: {stream} is not over before the end of {span.last}")
    command = ScoreOutlook(any_of_them.currency, *span, forecaster.position, achieved(forecaster, span))
    app.execute(Request(stream=stream, command=command, actor=actor))
    after = outlook_of(app, any_of_them.currency, *span)
    assert after is not None
    return after
