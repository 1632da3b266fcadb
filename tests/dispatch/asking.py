"""What the tests of the dispatcher ask, and of whom."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from domain.lead import CaptureLead, ConvertLead
from domain.lead.qualification import QualifyLead
from domain.money import Money
from domain.opportunity import OpenOpportunity
from domain.recorded import Request
from infra.application.dispatch import Dispatcher
from infra.store.log import Log

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
DEAL = "opportunity-7"
LEAD = "lead-7"
OPEN = OpenOpportunity("process-standard", Money(Decimal(900), "EUR"), account="Acme", owner="ann")


def asked(stream, command, **envelope) -> Request:
    return Request(stream=stream, command=command, actor=envelope.pop("actor", "ann"), **envelope)


def eur(amount) -> Money:
    return Money(Decimal(amount), "EUR")


def events(log: Log, stream: str) -> list:
    return [fact.event for fact in log.facts([stream], log.head()).get(stream, [])]


def qualify(dispatcher: Dispatcher) -> None:
    dispatcher.execute_all([
        asked(LEAD, CaptureLead("fair", "Acme", "ann", name="Jo Doe"), occurred_at=NOW - timedelta(hours=2)),
        asked(LEAD, QualifyLead(override_reason="known"), occurred_at=NOW - timedelta(hours=1)),
    ])  # fmt: skip


CONVERT = ConvertLead(DEAL, "process-standard", eur(900))
