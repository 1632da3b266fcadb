"""Leads as records: who showed interest, who works on it, and what became of it. Names only while their keys stand."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from msgspec import Struct
from msgspec.structs import asdict
from sqlalchemy import select

from domain import kind, lead
from domain.lead.profile import LeadContacted, Profile
from domain.lead.qualification import Answers, LeadQualified
from domain.lead.states import Nurturing
from domain.recorded import Fact, instant
from projections.query.metric import Query
from projections.query.selection import status_is
from projections.query.tables import LEADS, effective, known
from projections.query.units import Days, Moment
from projections.records import pages
from projections.records.following import Note, folded, in_effect, moment_of, notes, reached
from projections.records.kind import ANY, CALLER, FLAG, Filter, Histories, Key, Kind, Row, Totals, Values, Wanted
from projections.records.pages import Branch, Condition, Keys, equal, holding, since, until
from projections.rows.leads import Lead
from projections.versions import DAY

STATUSES = ("new", "working", "nurturing", "qualified", "disqualified", "converted", "merged")
c = LEADS.c


class LeadRecord(Struct, frozen=True, kw_only=True):
    """A lead as it stands at a moment. `version`: what its stream has reached, for commands that rest on it.

    name, email, phone: erased with the person. days_in_status: since its status began. contacted_at: when it first was
    spoken to; qualified_at: when it last was qualified. nurtured_until: the day until which it is kept warm.
    opportunity: what it became; survivor: the lead that it was merged into.
    """

    stream: str
    version: int
    status: str
    name: str
    company: str
    email: str
    phone: str
    source: str
    owner: str
    team: str
    captured_at: Moment
    status_since: Moment
    days_in_status: Days
    contacted_at: Moment | None
    qualified_at: Moment | None
    nurtured_until: date | None
    opportunity: str
    survivor: str
    reason: str


class Answer(Struct, frozen=True):
    """How a question of a qualification framework was answered last."""

    framework: str
    criterion: str
    answer: str
    evidence: str


class Contact(Struct, frozen=True):
    """When somebody spoke or wrote to the lead, and how."""

    contact: str
    channel: str
    at: Moment
    note: str


class LeadDetail(LeadRecord, frozen=True, kw_only=True):
    """A lead with all that is known of it. qualified_by: the framework, with the criteria that were not met."""

    criteria: list[Answer]
    contacts: list[Contact]
    qualified_by: str
    unmet: list[str]
    notes: list[Note]


READ: tuple[str, ...] = ("stream", *Lead.__struct_fields__)
"""The columns that a record is made of."""


# Which rows


def branches(asked: Query, wanted: Wanted) -> Iterator[Branch]:
    """The parts of the leads at a moment: those of each status that stand, which an index has in order of capture."""
    values = wanted.filters.get("status", (ANY,))
    of = [name for name in STATUSES if name in values or (ANY in values and name != "merged")]
    now, changed, over = pages.at_moment(LEADS, asked)
    for name in of:
        yield Branch((status_is(LEADS, name), *now), "leads_standing")
    if changed and of:
        yield Branch((status_is(LEADS, *of), *changed), "leads_then")
    if over and of:
        yield Branch((status_is(LEADS, *of), *over), "leads_over")


def conditions(asked: Query, wanted: Wanted) -> list[Condition]:
    """What must be so of the rows, their status aside."""
    where = [KIND.filters[name].condition(asked, of) for name, of in wanted.filters.items() if name != "status"]
    return where + pages.owned_now(LEADS, asked, wanted)


def page(asked: Query, wanted: Wanted, _: Histories) -> Iterator[tuple[Key, Row]]:
    """A page of the leads at a moment."""
    keys, columns = SORTS[wanted.sort](asked), [c[name] for name in READ]
    where, parts = conditions(asked, wanted), branches(asked, wanted)
    return pages.page(asked, LEADS, parts, where, keys, columns, wanted.descending, wanted.after, wanted.limit + 1)


def totals(asked: Query, wanted: Wanted, _: Histories) -> Totals:
    """How many leads match."""
    return pages.counted(asked, LEADS, branches(asked, wanted), conditions(asked, wanted))


# What they hold


def records(asked: Query, rows: Sequence[Row], histories: Histories) -> list[LeadRecord]:
    """The leads of some rows."""
    facts = histories([stream for stream, *_ in rows])
    return [record_of(asked, stream, Lead(*cells), facts[stream]) for stream, *cells in rows]


def record_of(asked: Query, stream: str, row: Lead, facts: Sequence[Fact]) -> LeadRecord:
    """A lead from its row and its facts."""
    state = folded(lead.evolve, facts, asked.moment)
    profile: Profile = state.lead.profile
    return LeadRecord(
        stream=stream, version=reached(facts), status=row.status, name=profile.name, company=row.company,
        email=profile.email, phone=profile.phone, source=row.source, owner=row.owner,
        team=asked.references.teams.at(row.owner, asked.moment), captured_at=instant(row.captured_at),
        status_since=instant(row.status_from), days_in_status=(asked.moment - row.status_from) / DAY,
        contacted_at=moment_of(row.contacted_at), qualified_at=moment_of(row.qualified_at),
        nurtured_until=state.until if isinstance(state, Nurturing) else None, opportunity=row.opportunity,
        survivor=row.survivor, reason=row.reason,
    )  # fmt: skip


def record(asked: Query, stream: str, histories: Histories) -> LeadDetail | None:
    """A lead with all that is known of it at the moment."""
    there = (known(LEADS, asked.question.known_at), effective(LEADS, asked.question.effective_at))
    rows = list(asked.select(select(*(c[name] for name in READ)).where(*there, c.stream == stream)))
    if not rows:
        return None
    facts = histories([stream])[stream]
    answers: Answers = folded(lead.evolve, facts, asked.moment).lead.answers
    contacts, qualified = list[Contact](), LeadQualified("", 0)
    for fact in in_effect(facts, asked.moment):
        match fact.event:
            case LeadContacted(contact, channel, note):
                contacts.append(Contact(contact, channel, instant(fact.occurred_at), note))
            case LeadQualified():
                qualified = fact.event
            case _:
                pass
    return LeadDetail(
        **asdict(record_of(asked, stream, Lead(*rows[0][1:]), facts)),
        criteria=[Answer(*place, *answer) for place, answer in sorted(answers.items())],
        contacts=contacts, qualified_by=qualified.framework, unmet=list(qualified.unmet),
        notes=list(notes(facts, asked.moment, ASIDE)),
    )  # fmt: skip


ASIDE = lead.profile.Event | lead.qualification.CriterionAssessed
"""The facts whose texts stand elsewhere in a record."""


def is_contacted(_: Query, values: Values) -> Condition:
    """Whether leads were ever spoken to, or never."""
    return c.contacted_at != 0 if values[0] else c.contacted_at == 0


def leads_of(_: Query, subjects: Sequence[str]) -> Sequence[str]:
    """The leads that people are."""
    return [subject for subject in subjects if kind(subject) == "lead"]


def name_of(facts: Sequence[Fact], moment: int) -> str:
    """What a lead is called at an instant; empty before its capture."""
    state = folded(lead.evolve, facts, moment)
    return state.lead.profile.name if state else ""


SORTS: Mapping[str, Keys] = {
    "captured_at": lambda _: [c.captured_at],
    "status_since": lambda _: [c.status_from],
    "owner": lambda _: [c.owner],
    "company": lambda _: [c.company],
    "source": lambda _: [c.source],
    "stream": lambda _: [],
}
FILTERS: Mapping[str, Filter] = {
    "status": pages.status(LEADS, STATUSES, "merged"),
    "name": pages.by_name(LEADS),
    "owner": equal(c.owner, "who works on it; empty for nobody", of="owner"),
    "team": pages.of_team(c.owner, "the team of its owner; empty for none"),
    "company": holding(c.company, "a part of the company's name; empty for none"),
    "source": equal(c.source, "where it came from", of="source"),
    "reason": equal(c.reason, "why it was disqualified"),
    "opportunity": equal(c.opportunity, "the deal that it became"),
    "captured_since": since(c.captured_at, "captured on its first day or later"),
    "captured_until": until(c.captured_at, "captured on its last day or before"),
    "status_since": since(c.status_from, "in its status since the first day of this, or later"),
    "status_until": until(c.status_from, "in its status since the last day of this, or before"),
    "contacted": Filter("whether it was ever spoken to", is_contacted, FLAG),
}
VIEWS = {
    "mine": {"owner": CALLER, "status": ("new", "working", "nurturing", "qualified")},
    "to-qualify": {"status": ("new", "working")},
}
KIND = Kind(
    "lead", "leads", "people who showed interest", LeadRecord,
    ("stream", "name", "company", "status", "owner", "source", "captured_at"),
    FILTERS, SORTS, "-captured_at", page, totals, records, record, {"status": ANY}, VIEWS,
    candidates=leads_of, name_of=name_of,
)  # fmt: skip
