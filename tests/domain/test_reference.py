"""Quotas, forecasts, rates, teams and the calendar: what others refer to, set anew at any time, never refused."""

from datetime import date
from decimal import Decimal

import pytest
from msgspec.structs import replace

from domain import BY_KIND, Context
from domain.errors import Malformed
from domain.money import Money
from domain.reference.calendar import CalendarSet, SetCalendar
from domain.reference.forecast import (
    Adjusted,
    AdjustForecast,
    Forecast,
    ForecastAdjusted,
    ForecastSubmitted,
    SubmitForecast,
    figure_of,
)
from domain.reference.quota import QuotaSet, SetQuota
from domain.reference.rate import FxRateSet, SetFxRate
from domain.reference.team import ChangeTeam, TeamChanged
from tests.domain.pipelines import eur
from tests.domain.table import Row, check, fold, rows, uncovered
from tests.offenders import every

Q1 = (date(2026, 1, 1), date(2026, 3, 31))
Q2 = (date(2026, 4, 1), date(2026, 6, 30))
QUOTA = SetQuota("ann", *Q1, eur("100000"))
ADJUST = AdjustForecast("team-north", *Q1, "commit", eur("90"), "two are not real", eur("120"))
ADJUSTED = ForecastAdjusted("team-north", *Q1, "commit", eur("90"), eur("120"), "two are not real", "cleo")
SUBMIT, SUBMITTED = SubmitForecast("ann", *Q1, "commit", eur("60")), ForecastSubmitted("ann", *Q1, "commit", eur("60"))
RATE = SetFxRate("USD", "EUR", date(2026, 3, 1), Decimal("0.92"))
TEAM = ChangeTeam("North", "cleo", ("bob", "ann"))
CALENDAR = SetCalendar("Europe/Berlin", 4)

STATES = {
    "quota": {
        "absent": (),
        "set": (QuotaSet("ann", *Q1, eur("100000")),),
        "set anew": (QuotaSet("ann", *Q1, eur("1")), QuotaSet("ann", *Q1, eur("100000"))),
    },
    "forecast": {
        "absent": (),
        "adjusted": (ADJUSTED,),
        "submitted": (SUBMITTED,),
        "both": (ADJUSTED, SUBMITTED, replace(ADJUSTED, amount=eur("95"), replaces=eur("130"))),
    },
    "rate": {
        "absent": (),
        "set": (FxRateSet("USD", "EUR", date(2026, 3, 1), Decimal("0.92")),),
        "corrected": (
            FxRateSet("USD", "EUR", date(2026, 3, 1), Decimal("0.29")),
            FxRateSet("USD", "EUR", date(2026, 3, 1), Decimal("0.92")),
        ),
    },
    "team": {
        "absent": (),
        "there": (TeamChanged("North", "cleo", ("ann", "bob")),),
        "dissolved": (TeamChanged("North", "cleo", ("ann", "bob")), TeamChanged("North", "", ())),
    },
    "calendar": {"absent": (), "set": (CalendarSet("Europe/Berlin", 4),)},
}
NINETY_THREE = replace(RATE, rate=Decimal("0.93"))
TABLES = {
    "quota": [
        Row("absent", QUOTA, STATES["quota"]["set"]),
        Row("set", QUOTA, (), "the same"),
        Row("set", replace(QUOTA, amount=eur("2")), (QuotaSet("ann", *Q1, eur("2")),), "another amount"),
        Row("set", SetQuota("ann", *Q2, eur("1")), (QuotaSet("ann", *Q2, eur("1")),), "another period"),
        Row("set", SetQuota("north", *Q1, eur("1")), (QuotaSet("north", *Q1, eur("1")),), "of a team"),
        Row("set anew", QUOTA, (), "the newest"),
        Row("set anew", replace(QUOTA, amount=eur("1")), (QuotaSet("ann", *Q1, eur("1")),), "as it was first"),
    ],
    "forecast": [
        Row("absent", ADJUST, (ADJUSTED,)),
        Row("absent", replace(ADJUST, holder=""), (replace(ADJUSTED, holder=""),), "of everybody"),
        Row("absent", SUBMIT, (SUBMITTED,)),
        Row("adjusted", ADJUST, (), "the same"),
        Row("adjusted", replace(ADJUST, replaces=None, reason="again"), (), "the same, whatever it replaces"),
        Row("adjusted", replace(ADJUST, amount=eur("80"), replaces=eur("110")),
            (replace(ADJUSTED, amount=eur("80"), replaces=eur("110")),), "restated"),
        Row("adjusted", replace(ADJUST, category="best-case"), (replace(ADJUSTED, category="best-case"),), "another"),
        Row("adjusted", replace(ADJUST, end=Q2[1]), (replace(ADJUSTED, end=Q2[1]),), "for longer"),
        Row("adjusted", SUBMIT, (SUBMITTED,)),
        Row("submitted", SUBMIT, (), "the same"),
        Row("submitted", replace(SUBMIT, amount=eur("61")), (replace(SUBMITTED, amount=eur("61")),), "more"),
        Row("submitted", replace(SUBMIT, holder="bob"), (replace(SUBMITTED, holder="bob"),), "somebody else"),
        Row("submitted", ADJUST, (ADJUSTED,)),
        Row("both", ADJUST, (ADJUSTED,), "as it was first"),
        Row("both", replace(ADJUST, amount=eur("95")), (), "the newest"),
        Row("both", SUBMIT, (), "the same"),
    ],
    "rate": [
        Row("absent", RATE, STATES["rate"]["set"]),
        Row("set", RATE, (), "the same"),
        Row("set", replace(RATE, rate=Decimal("0.920")), (), "the same in other digits"),
        Row("set", NINETY_THREE, (FxRateSet("USD", "EUR", date(2026, 3, 1), Decimal("0.93")),), "corrected"),
        Row("set", replace(RATE, day=date(2026, 3, 2)),
            (FxRateSet("USD", "EUR", date(2026, 3, 2), Decimal("0.92")),), "the next day's"),
        Row("set", replace(RATE, base="EUR", quote="USD"),
            (FxRateSet("EUR", "USD", date(2026, 3, 1), Decimal("0.92")),), "the other way round"),
        Row("corrected", RATE, (), "the newest"),
        Row("corrected", NINETY_THREE, (FxRateSet("USD", "EUR", date(2026, 3, 1), Decimal("0.93")),), "again"),
    ],
    "team": [
        Row("absent", TEAM, STATES["team"]["there"]),
        Row("there", TEAM, (), "the same"),
        Row("there", replace(TEAM, members=("ann", "bob")), (), "the same in another order"),
        Row("there", replace(TEAM, members=("ann",)), (TeamChanged("North", "cleo", ("ann",)),), "one leaves"),
        Row("there", replace(TEAM, manager="dan"), (TeamChanged("North", "dan", ("ann", "bob")),), "managed anew"),
        Row("there", ChangeTeam("North"), (TeamChanged("North", "", ()),), "dissolved"),
        Row("dissolved", ChangeTeam("North"), (), "again"),
        Row("dissolved", TEAM, STATES["team"]["there"], "formed again"),
    ],
    "calendar": [
        Row("absent", CALENDAR, STATES["calendar"]["set"]),
        Row("absent", SetCalendar("UTC"), (CalendarSet("UTC", 1),), "with nothing but a zone"),
        Row("set", CALENDAR, (), "the same"),
        Row("set", SetCalendar("Europe/Paris", 4), (CalendarSet("Europe/Paris", 4),), "another zone"),
        Row("set", SetCalendar("Europe/Berlin", 1), (CalendarSet("Europe/Berlin", 1),), "another first month"),
    ],
}  # fmt: skip
CASES = [
    pytest.param(kind, *case.values, id=f"{kind} {case.id}") for kind, table in TABLES.items() for case in rows(table)
]


@every(("kind", "given", "when", "then"), CASES)
def test_a_command_leads_to_these_facts(kind, given, when, then):
    check(BY_KIND[kind], fold(BY_KIND[kind], STATES[kind][given]), when, then, Context(f"{kind}-1", {}, "cleo"))


@every("kind", TABLES)
def test_the_table_has_every_state_beside_every_command(kind):
    assert uncovered(TABLES[kind], STATES[kind], BY_KIND[kind].commands) == set()


@every("kind", TABLES)
def test_a_fact_could_have_happened_at_any_time(kind):
    facts = [fact for happened in STATES[kind].values() for fact in happened]
    states = [fold(BY_KIND[kind], happened) for happened in STATES[kind].values()]
    assert all(BY_KIND[kind].possible(state, fact) for state in states for fact in facts)


def test_facts_lead_to_these_states():
    assert fold(BY_KIND["quota"], STATES["quota"]["set anew"]) == {("ann", *Q1): eur("100000")}
    assert fold(BY_KIND["forecast"], STATES["forecast"]["both"]) == Forecast(
        {figure_of(ADJUSTED): Adjusted(eur("95"), eur("130"), "two are not real", "cleo")},
        {figure_of(SUBMITTED): eur("60")},
    )
    assert fold(BY_KIND["rate"], STATES["rate"]["corrected"]) == {("USD", "EUR", date(2026, 3, 1)): Decimal("0.92")}
    assert fold(BY_KIND["team"], STATES["team"]["there"]) == TeamChanged("North", "cleo", ("ann", "bob"))
    assert fold(BY_KIND["calendar"], STATES["calendar"]["set"]) == CalendarSet("Europe/Berlin", 4)


NO_ZONE = "zone: {} is no zone of the tz database; give an IANA name like Europe/Berlin"
BOUND = "rate: {} is not above 0, below 10^9 and of at most 10 decimal places"


@every(
    ("command", "news", "reason"),
    [
        (QUOTA, {"holder": " "}, "holder: a quota is somebody's"),
        (QUOTA, {"end": date(2025, 12, 31)}, "end: 2025-12-31 is before the start, 2026-01-01"),
        (QUOTA, {"amount": eur("-1")}, "amount.amount: -1 is not a finite amount from 0 to below 10^14"),
        (QUOTA, {"amount": Money(Decimal(1), "eur")}, "amount.currency: 'eur' is not an ISO 4217 code such as EUR"),
        (ADJUST, {"end": date(2025, 12, 31)}, "end: 2025-12-31 is before the start, 2026-01-01"),
        (ADJUST, {"amount": eur("-1")}, "amount.amount: -1 is not a finite amount from 0 to below 10^14"),
        (ADJUST, {"replaces": eur("-1")}, "replaces.amount: -1 is not a finite amount from 0 to below 10^14"),
        (ADJUST, {"replaces": Money(Decimal(1), "USD")}, "replaces.currency: USD is not that of the amount"),
        (ADJUST, {"reason": " "}, "reason: adjusting a forecast needs one"),
        (SUBMIT, {"holder": ""}, "holder: a commitment is somebody's"),
        (SUBMIT, {"end": date(2025, 12, 31)}, "end: 2025-12-31 is before the start, 2026-01-01"),
        (SUBMIT, {"amount": eur("0.001")},
         "amount.amount: 0.001 has more than 2 decimal places, the minor unit of EUR"),
        (RATE, {"base": "usd"}, "base: 'usd' is not an ISO 4217 code such as EUR"),
        (RATE, {"quote": "EURO"}, "quote: 'EURO' is not an ISO 4217 code such as EUR"),
        (RATE, {"quote": "USD"}, "quote: USD is worth one of itself"),
        (RATE, {"rate": Decimal(0)}, BOUND.format(0)),
        (RATE, {"rate": Decimal(-1)}, BOUND.format(-1)),
        (RATE, {"rate": Decimal("NaN")}, BOUND.format("NaN")),
        (RATE, {"rate": Decimal("Infinity")}, BOUND.format("Infinity")),
        (RATE, {"rate": Decimal(10) ** 9}, BOUND.format(10**9)),
        (RATE, {"rate": Decimal("0.92000000001")}, BOUND.format("0.92000000001")),
        (TEAM, {"name": ""}, "name: a team needs a name"),
        (TEAM, {"members": ("ann", "bob", "ann")}, "members: somebody stands twice"),
        *((CALENDAR, {"zone": zone}, NO_ZONE.format(repr(zone))) for zone in (
            "", " ", "Berlin", "Europe", "Europe/Berlin ", "../../etc/passwd", "/etc/localtime", "localtime",
            "Europe/\0", "+02:00",
        )),
        (CALENDAR, {"fiscal_year_start": 0}, "fiscal_year_start: 0 is not a month"),
        (CALENDAR, {"fiscal_year_start": 13}, "fiscal_year_start: 13 is not a month"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_a_command_out_of_bounds_is_malformed(command, news, reason):
    with pytest.raises(Malformed) as refusal:
        replace(command, **news)
    assert str(refusal.value) == reason


@every(
    ("command", "news"),
    [
        (QUOTA, {"end": date(2026, 1, 1)}), (QUOTA, {"amount": eur("0")}), (ADJUST, {"end": date(2026, 1, 1)}),
        (ADJUST, {"amount": eur("0"), "replaces": eur("0")}), (SUBMIT, {"end": date(2026, 1, 1)}),
        (RATE, {"rate": Decimal("0.0000000001")}),
        (RATE, {"rate": Decimal("999999999.9999999999")}), (TEAM, {"members": ()}),
        (CALENDAR, {"fiscal_year_start": 12}),
    ],
)  # fmt: skip
def test_a_command_at_its_bounds_is_granted(command, news):
    [decider] = [decider for decider in BY_KIND.values() if type(command) in decider.commands]
    assert decider.decide(None, replace(command, **news), Context(f"{decider.kind}-1"))


def test_an_adjustment_says_what_it_replaces_before_it_is_decided():
    with pytest.raises(Malformed, match="replaces: say which figure is replaced"):
        BY_KIND["forecast"].decide(None, replace(ADJUST, replaces=None), Context("forecast-1"))
