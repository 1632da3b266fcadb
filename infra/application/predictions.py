"""What a forecast answers, kept beside the log: asked again, it is read, until something is recorded that changes it.

A forecast is by what was available at the end of a day, so what is recorded of deals on a later day leaves it as it is:
all but history that is imported, and what no deal owns. Nothing here needs numpy or the
tables, which take their time to load.
"""

import hashlib
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from domain import kind
from domain.errors import PipelineError
from domain.opportunity import OpportunityOpened
from domain.recorded import Fact, micros
from domain.reference.outlook import IssueOutlook
from infra.application.app import App
from infra.application.exports import replaced
from infra.application.moments import day_end
from infra.settings import user_folder
from infra.store.places import sqlite_file

MODEL, VERSION = "outlook", "outlook-2"
"""Which model forecasts; its version is raised whenever figures would come out otherwise."""
DEALS = "opportunity"
UNREAD = frozenset({"lead", "customer", "framework", "forecast", "outlook", "subject"})
"""The kinds of streams that no forecast is made of."""
MOST = 10_000
"""Facts recorded since, which are looked through; where there are more, a forecast is made anew."""


class Target(Struct, frozen=True):
    """A quota and the chance to reach it. `needed`: how much more pipeline of the same kind would close the `gap` from
    the mean to the quota: gap x open_amount / open_mean; None where the open deals are expected to bring nothing.
    """

    holder: str
    quota: Decimal
    booked: Decimal
    mean: Decimal
    chance: float
    gap: Decimal
    open_amount: Decimal
    open_mean: Decimal
    needed: Decimal | None


class Pace(Struct, frozen=True):
    """A period: what was booked by the same day of it, and in all; of the one that is forecast, the mean."""

    first: date
    last: date
    by_day: Decimal
    whole: Decimal


class Evidence(Struct, frozen=True):
    """What a forecast has learnt from: forecasts of so many past weeks, made afterwards and never issued."""

    cuts: int
    forecasts: int
    tag: str = "backcast"


class Prediction(Struct, frozen=True):
    """A forecast with what it has learnt from, what is to be reached, and the same day of earlier periods."""

    forecast: IssueOutlook
    learnt_from: Evidence
    quotas: tuple[Target, ...]
    pacing: tuple[Pace, ...]


class Terms(NamedTuple):
    """What a forecast is wanted of, as people write it, and on which day: so are "this quarter" and all defaults."""

    today: date
    period: str | None = None
    as_of: str | None = None
    convert_to: str | None = None
    base_currency: str | None = None
    quota: str | None = None


class Entry(Struct, frozen=True):
    """A prediction in its file: on what terms, by which model, of which log, which had an event at its position."""

    terms: str
    log: str
    event_id: str
    prediction: Prediction


def folder_of(app: App) -> Path:
    """Where what is made afterwards of a log is kept: beside one in a file, else in the user's folder for data."""
    file = sqlite_file(app.settings.db)
    return Path(f"{file}-views-backcasts") if file else user_folder() / f"outlook-{app.log.identity()}"


def file_of(app: App, terms: Terms) -> Path:
    """The file of a question, the same one every day."""
    digest = hashlib.sha256(repr(terms[1:]).encode()).hexdigest()[:32]
    return folder_of(app) / f"forecast-{digest}.json"


def kept(app: App, terms: Terms) -> Prediction | None:
    """The prediction that was kept on these terms, at the log's position now; None where it has to be made anew."""
    try:
        entry = msgspec.json.decode(file_of(app, terms).read_bytes(), type=Entry)
    except (OSError, ValueError, msgspec.MsgspecError):
        return None
    head, before = app.log.head(), entry.prediction.forecast
    there = entry.terms, entry.log, entry.event_id
    if there != (written(terms), app.log.identity(), app.log.event_id_at(before.position)):
        return None
    since = app.log.page(before.position, MOST + 1)
    until = micros(day_end(before.as_of, app.zone()))
    currency = before.currency if terms.convert_to is None else None
    if len(since) > MOST or any(changes(fact, until, currency) for fact in since):
        return None
    return replace(entry.prediction, forecast=replace(before, position=head))


def changes(fact: Fact, until: int, currency: str | None) -> bool:
    """Whether a fact, recorded since, may change a forecast by what was available until an instant.

    currency: that of all deals, where nobody said in which to answer.
    """
    if kind(fact.stream) != DEALS:
        return kind(fact.stream) not in UNREAD
    opened = fact.event if isinstance(fact.event, OpportunityOpened) else None
    return fact.available <= until or bool(currency and opened and opened.amount.currency != currency)


def keep(app: App, terms: Terms, prediction: Prediction) -> None:
    """Keep a prediction; nothing where the folder cannot be written."""
    file, position = file_of(app, terms), prediction.forecast.position
    entry = Entry(written(terms), app.log.identity(), app.log.event_id_at(position), prediction)
    with suppress(OSError, PipelineError):  # a log on read-only media has nothing beside it
        file.parent.mkdir(parents=True, exist_ok=True)
        with replaced(file) as beside:
            beside.write(msgspec.json.encode(entry))


def written(terms: Terms) -> str:
    """All terms, and the model."""
    return f"{VERSION} {terms!r}"
