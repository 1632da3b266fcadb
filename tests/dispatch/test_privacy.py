"""What is said of a person is sealed before it is stored, wherever it stands."""

import sqlite3
from contextlib import closing
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
from msgspec.structs import replace

from domain import BY_KIND
from domain.correction import CorrectAmount, CorrectFact
from domain.lead import CaptureLead, LeadCaptured
from domain.lead.disposition import DisqualifyLead, MergeLead, NurtureLead, ReopenLead, UnmergeLead
from domain.lead.profile import AssignLead, ContactLead, EnrichLead
from domain.lead.qualification import AssessCriterion, QualifyLead
from domain.opportunity.closing import LoseOpportunity, OpportunityLost, ReopenOpportunity, WinOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity, SetNextStep
from domain.opportunity.judgement import OverrideProbability
from domain.opportunity.progress import ChangeStage
from domain.opportunity.removal import DeleteOpportunity, MergeOpportunity, RestoreOpportunity, UnmergeOpportunity
from domain.opportunity.terms import RenameOpportunity
from domain.personal import personal_fields, personal_texts
from domain.reference.process import STANDARD
from infra.application.dispatch import Dispatcher, Receipt
from infra.privacy.vault import UNREADABLE, KeyFile, Vault
from infra.store import open_log
from tests.dispatch.asking import CONVERT, DEAL, LEAD, OPEN, asked, eur, qualify

# Personal fields


def everything_stored(url: str) -> bytes:
    """Every column of every row of every table, and on SQLite the bytes of the files as well."""
    if url.startswith("sqlite"):
        file = Path(url.removeprefix("sqlite:///"))
        with closing(sqlite3.connect(file)) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = [row for table in tables for row in connection.execute(f'SELECT * FROM "{table}"')]
        raw = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    else:
        with psycopg.connect(url) as connection:
            named = (
                "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information)'"
            )
            tables = [row[0] for row in connection.execute(named)]
            rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}".encode())]
        raw = b""
    values = [value for row in rows for value in row]
    return raw + b"\n".join(bytes(v) if isinstance(v, (bytes, memoryview)) else str(v).encode() for v in values)


def test_personal_fields_are_never_stored_in_the_clear(dispatcher, make, log_url, log):
    day = date(2026, 7, 1)
    strict = replace(STANDARD, stages=(replace(STANDARD.stages[0], exit_criteria=("signed",)), *STANDARD.stages[1:]))
    dispatcher.execute(asked("process-strict", strict))
    commands = [
        (LEAD, CaptureLead("fair", "Acme", "ann", "SECRET-1 Doe", "SECRET-2@acme.example", "SECRET-3", "SECRET-4")),
        (LEAD, EnrichLead(name="SECRET-5", email="SECRET-6@acme.example", phone="SECRET-7")),
        (LEAD, ContactLead("call-1", "phone", "SECRET-8")),
        (LEAD, AssessCriterion("need", "yes", evidence="SECRET-9")),
        (LEAD, DisqualifyLead("no-need", "SECRET-10")),
        (LEAD, ReopenLead("SECRET-11")),
        (LEAD, QualifyLead(override_reason="SECRET-12")),
        ("lead-8", CaptureLead("fair", name="SECRET-21")),
        ("lead-8", NurtureLead(day, "SECRET-22")),
        ("lead-8", MergeLead(LEAD, "SECRET-23")),
        ("lead-8", UnmergeLead("SECRET-24")),
        ("lead-8", CorrectFact(1, "SECRET-25", LeadCaptured("fair", name="SECRET-26", note="SECRET-27"))),
        (LEAD, replace(CONVERT, name="SECRET-41")),
        (DEAL, RenameOpportunity("SECRET-42")),
        (DEAL, ChangeStage("proposal", override_reason="SECRET-13")),
        (DEAL, SetNextStep("SECRET-14", day)),
        (DEAL, ScheduleActivity("act-1", "call", day, "SECRET-15")),
        (DEAL, CompleteActivity("act-1", "call", "SECRET-16")),
        (DEAL, LoseOpportunity("price", "globex", "SECRET-17")),
        (DEAL, ReopenOpportunity("SECRET-18")),
        ("opportunity-10", OPEN),
        ("opportunity-10", WinOpportunity()),
        ("opportunity-10", CorrectAmount(eur(5), "SECRET-43")),
        ("opportunity-8", replace(OPEN, note="SECRET-19", name="SECRET-40")),
        (DEAL, OverrideProbability(Decimal("0.5"), "SECRET-28")),
        (DEAL, MergeOpportunity("opportunity-8", "SECRET-29")),
        (DEAL, UnmergeOpportunity("SECRET-30")),
        (DEAL, DeleteOpportunity("SECRET-31")),
        (DEAL, RestoreOpportunity("SECRET-32")),
        ("opportunity-9", replace(OPEN, process="process-strict")),
        ("opportunity-9", WinOpportunity(override_reason="SECRET-20")),
    ]
    requests = [
        asked(stream, command, reason=f"SECRET-REASON-{n}", command_id=f"c-{n}")
        for n, (stream, command) in enumerate(commands)
    ]
    assert [outcome for outcome in dispatcher.execute_all(requests) if not isinstance(outcome, Receipt)] == []
    stored = everything_stored(log_url)
    assert b"SECRET" not in stored
    assert b"globex" in stored and b"sealed:1:lead-7:" in stored and b"sealed:1:opportunity-8:" in stored  # a control
    asked_for = {type(command) for _, command in commands if personal_texts(command)}
    personal = {command for kind in ("lead", "opportunity") for command in BY_KIND[kind].commands}
    assert asked_for == {command for command in personal if personal_fields(command)}
    assert make().history(LEAD).state.lead.profile.email == "SECRET-6@acme.example"
    opened, *_ = log.histories([DEAL])[DEAL]
    assert opened.event.name.startswith("sealed:1:lead-7:"), "what a deal is called is about the lead it came from"
    assert make().history(DEAL).state.deal.terms.name == "SECRET-42"
    for stream in (LEAD, "lead-8", DEAL, "opportunity-8", "opportunity-9"):
        for recorded in log.histories([stream])[stream]:
            opened = dispatcher.vault.open_text(stream, "reason", recorded.reason)
            assert opened == f"SECRET-REASON-{recorded.command_id.removeprefix('c-')}"


def test_what_is_said_of_a_deal_is_sealed_for_the_lead_it_came_from(dispatcher, log):
    qualify(dispatcher)
    dispatcher.execute(asked(LEAD, CONVERT))
    dispatcher.execute(asked(DEAL, LoseOpportunity("price", note="too dear"), reason="he called"))
    lost = log.histories([DEAL])[DEAL][-1]
    assert isinstance(lost.event, OpportunityLost)
    assert lost.event.note.startswith("sealed:1:lead-7:") and lost.reason.startswith("sealed:1:lead-7:")


def test_a_lead_whose_key_is_gone_can_still_be_worked_on(dispatcher, make, log, log_url):
    dispatcher.execute(asked(LEAD, CaptureLead("fair", name="Jo Doe")))
    if log_url.startswith("sqlite"):
        with closing(sqlite3.connect(log_url.removeprefix("sqlite:///"))) as connection, connection:
            connection.execute("DELETE FROM stored_keys WHERE subject = ?", (LEAD,))
    else:
        with psycopg.connect(log_url) as connection:
            connection.execute("DELETE FROM stored_keys WHERE subject = %s", (LEAD,))
    later = make()
    assert later.history(LEAD).state.lead.profile.name == UNREADABLE
    later.execute(asked(LEAD, AssignLead("bob")))
    later.execute(asked(LEAD, EnrichLead(phone="123")))
    profile = make().history(LEAD).state.lead.profile
    assert (profile.name, profile.owner, profile.phone) == (UNREADABLE, "bob", "123")


def test_histories_read_by_another_log_are_the_same(deal, log_url, key_file):
    deal.execute(asked(DEAL, ChangeStage("proposal")))
    with closing(open_log(log_url)) as other:
        read = Dispatcher(other, Vault(KeyFile(key_file, other.identity), other.keys)).history(DEAL)
    assert (read.version, read.state) == (deal.history(DEAL).version, deal.history(DEAL).state)
