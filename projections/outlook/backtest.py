"""How right forecasts would have been: made again at past cuts, each with what was available then, and scored.

At each cut, in order, forecasts whose periods have ended are scored with what is known at that cut, and only those tell
the next ones how much each expert counts and how wide an interval must be. The last scores are by the log as it is.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from projections.outlook.blend import Issue, Resolved, at_error, resolved
from projections.outlook.calendar import quarter_end
from projections.outlook.calibration import Bins, binned, scored
from projections.outlook.experts import booked
from projections.outlook.fitting import fit
from projections.outlook.forecasting import MEASURES, Outlook, Record, forecast, grouped
from projections.outlook.lives import NEVER, Floats, Keys, Lives
from projections.outlook.portable import stream, uniform, words
from projections.outlook.settings import DEFAULT, Settings

QUARTER_END = "quarter end"
LEAST_QUARTER = 7
"""Days to the end of a quarter under which it is not forecast."""
WARM_UP = 28
SCORED_FROM = 91
"""Days of history before the first cut, and before the first that is scored."""
PLACE = 8
"""What words are for that part mass at one value."""


class Score(NamedTuple):
    """One forecast of a measure by the groups of a level, with what came. Shapes: (groups,), baselines (2, groups).

    where: the place of what came in the distribution, in (0, 1). baselines: the timed weighted pipeline and the
    run-rate, as they would have been then. aim: the share that was to lie outside.
    """

    cut: int
    last: int
    horizon: str
    measure: str
    level: str
    labels: tuple[str, ...]
    mean: Floats
    actual: Floats
    p10: Floats
    p90: Floats
    where: Floats
    baselines: Floats
    weights: tuple[float, ...]
    error: float
    aim: float


class Backtest(NamedTuple):
    """All forecasts that were scored, and the chances of deals in bins. record, past: what later forecasts learn from,
    of all cuts.
    """

    scores: tuple[Score, ...]
    bins: tuple[Bins, ...]
    record: Record
    past: tuple[Bins, ...]
    first: int
    last: int


def weekly(start: int, end: int, anchor: int, step: int) -> list[int]:
    """Cuts a step apart from the end of the warm-up on, one of them on the anchor's day."""
    first = start + WARM_UP
    return list(range(first + (anchor - first) % step, end + 1, step))


def horizons(cut: int, end: int, settings: Settings) -> list[tuple[str, int]]:
    """The names and last days of the periods that are forecast at a cut and have ended."""
    result = [(f"{days} days", cut + days) for days in settings.horizons]
    last = quarter_end(cut + 1)
    if settings.quarter_ends and last - cut >= LEAST_QUARTER:
        result.append((QUARTER_END, last))
    return [(name, last) for name, last in result if last <= end]


def actual(issue: Issue, lives: Lives) -> Floats:
    """What came of a forecast, by its groups; what belongs to a group that was not there yet, in the first one."""
    labels, codes = grouped(lives, issue.level)
    came = booked(lives, issue.first, issue.last, codes, len(labels), issue.measure == MEASURES[0])
    place = {label: number for number, label in enumerate(issue.labels)}
    whole = np.zeros(len(issue.labels))
    for label, value in zip(labels, came, strict=True):
        whole[place.get(label, 0)] += float(value)
    return whole


def chances_of(issue: Issue, seed: int) -> Floats:
    """Numbers in (0, 1), one a group, that part mass at one value."""
    text = f"{issue.measure} {issue.level} {issue.last}"
    key = np.array([int.from_bytes(text.encode()[-8:], "big") ^ (issue.cut << 1)], np.uint64)
    return uniform(words(stream(seed, PLACE), key, np.arange(len(issue.labels))))


class Waiting(NamedTuple):
    """A forecast whose period goes on: what was issued, and the open deals' keys, chances and bins."""

    last: int
    issues: tuple[Issue, ...]
    keys: Keys
    chances: Floats
    bins: Bins


class Replay:
    """Forecasts made at one cut after the other, each told of those whose periods have ended.

    record, bins: what those were worth, in the order in which they ended; waiting: those that go on.
    """

    def __init__(
        self, settings: Settings = DEFAULT, record: Iterable[Resolved] = (), bins: Iterable[Bins] = (),
        waiting: Iterable[Waiting] = (),
    ) -> None:  # fmt: skip
        self.settings, self.bins, self.waiting = settings, [*bins], [*waiting]
        self.record: dict[tuple[str, str], list[Resolved]] = {}
        for each in record:
            self.record.setdefault((each.measure, each.level), []).append(each)

    def learn(self, lives: Lives) -> None:
        """Score the forecasts whose periods have ended, as known at a cut."""
        ended = [each for each in self.waiting if each.last <= lives.cut]
        self.waiting = [each for each in self.waiting if each.last > lives.cut]
        for each in ended:
            for issue in each.issues:
                came = resolved(issue, actual(issue, lives), chances_of(issue, self.settings.seed))
                self.record.setdefault((issue.measure, issue.level), []).append(came)
            self.bins.append(scored(each.bins, each.keys, each.chances, lives))

    def outlooks(self, lives: Lives, end: int = NEVER) -> list[tuple[str, Outlook]]:
        """The forecasts of a cut, for periods that end by a day; they are kept to be scored."""
        self.learn(lives)
        model = fit(lives, self.settings)
        result: list[tuple[str, Outlook]] = []
        for name, last in horizons(lives.cut, end, self.settings):
            outlook = forecast(model, lives, lives.cut + 1, last, self.record, self.bins)
            deals = binned(name, outlook.deals, outlook.chances, lives.cut, last)
            keys = lives.deals.key[outlook.deals.at]
            self.waiting.append(Waiting(last, outlook.issues, keys, outlook.deals.chance, deals))
            result.append((name, outlook))
        return result


def scores(name: str, outlook: Outlook, truth: Lives, settings: Settings) -> Iterable[Score]:
    """A forecast with what came, by measure and level."""
    for issue, figures in zip(outlook.issues, outlook.figures, strict=True):
        came = actual(issue, truth)
        unit = 1.0 if issue.measure == MEASURES[0] else 1000.0
        where = resolved(issue, came, chances_of(issue, settings.seed))
        yield Score(
            issue.cut, issue.last, name, issue.measure, issue.level, issue.labels, issue.mean, came,
            figures.p10 / unit, figures.p90 / unit, at(where, issue.error), issue.experts[[3, 2]],
            outlook.weights[issue.measure], issue.error, issue.aim,
        )  # fmt: skip


def at(each: Resolved, error: float) -> Floats:
    """Where what came lay in the widened distributions."""
    return at_error(each.positions, error)


def backtest(
    lives_at: Callable[[int], Lives], truth: Lives, cuts: Sequence[int], scored_from: int, settings: Settings = DEFAULT
) -> Backtest:
    """Forecasts at past cuts for 30, 60 and 90 days and the quarter's end, scored by the log as it is.

    lives_at: the lives as available at the end of a day. truth: the log by now; only periods that ended by its cut are
    forecast. scored_from: the first cut whose forecasts are scored; those before only tell later ones of errors.
    """
    replay = Replay(settings)
    kept: list[Score] = []
    for cut in cuts:
        for name, outlook in replay.outlooks(lives_at(cut), truth.cut):
            if cut >= scored_from:
                kept += scores(name, outlook, truth, settings)
    replay.learn(truth)
    bins = tuple(each for each in replay.bins if each.cut >= scored_from)
    return Backtest(tuple(kept), bins, replay.record, tuple(replay.bins), scored_from, truth.cut)
