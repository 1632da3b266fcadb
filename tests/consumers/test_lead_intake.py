"""What a message about a lead asks for, and the names that it gives it."""

from datetime import UTC, datetime
from typing import NamedTuple

import pytest

from consumers.lead_intake import IncomingLead, request_of
from domain.errors import Malformed
from domain.lead import CaptureLead
from domain.recorded import Request, Source
from infra.application.requests import parse
from tests.offenders import every

CE = [("ce_source", b"/website"), ("ce_id", b"17")]


class Sent(NamedTuple):
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    topic: str = "sales.lead.intake.v1"
    partition: int = 3
    offset: int = 42


def test_a_message_becomes_a_command_under_names_that_never_change():
    body = b'{"source": "fair", "company": "Acme", "email": "jo@acme.example", "external_id": "crm-9"}'
    found = request_of(Sent(body, [*CE, ("ce_time", b"2026-03-31T09:00:00Z"), ("ce_correlationid", b"run-1")]), parse)
    name = found.command_id
    assert found == Request(
        stream=f"lead-{name}", command=CaptureLead("fair", "Acme", email="jo@acme.example"), actor="lead-intake",
        occurred_at=datetime(2026, 3, 31, 9, tzinfo=UTC), command_id=name, correlation_id="run-1",
        source=Source("/website", "crm-9"),
    )  # fmt: skip


def named(*headers: tuple[str, bytes], **place: int) -> str:
    return request_of(Sent(b'{"source": "fair"}', list(headers), **place), parse).stream  # type: ignore[arg-type]


def test_the_names_are_pinned():
    assert named(*CE) == "lead-ed1d2993-2226-501f-8be7-cd84016597b6"
    assert named() == "lead-13c257b6-9b5a-5d21-9850-09f2221ef7c9"


def test_a_name_follows_from_source_and_id_or_else_from_the_place():
    assert named(*CE) == named(*reversed(CE), ("traceparent", b"00"), partition=1, offset=1)
    assert named() == named(partition=3, offset=42)
    others = [named(*CE), named(CE[0], ("ce_id", b"18")), named(("ce_source", b"/other"), CE[1]), named(),
              named(offset=43), named(partition=4), named(("ce_source", b"/website1"), ("ce_id", b"7"))]  # fmt: skip
    assert len(set(others)) == len(others)
    assert named() == named(("ce_source", b"kafka:sales.lead.intake.v1"), ("ce_id", b"3:42"), offset=99)


def test_what_the_body_says_of_the_time_comes_before_the_header():
    body = b'{"source": "fair", "captured_at": "2026-01-01T00:00:00+01:00"}'
    found = request_of(Sent(body, [("ce_time", b"2026-03-31T09:00:00Z")]), parse)
    assert found.occurred_at == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert request_of(Sent(b'{"source": "fair"}', []), parse).occurred_at is None


@every(
    ("headers", "why"),
    [
        ([("ce_time", b"2026-03-31T09:00:00")], "ce_time: .* has no time zone"),
        ([("ce_time", b"yesterday")], "ce_time: 'yesterday' is not a time"),
        ([("ce_correlationid", b"\xff")], "ce_correlationid: this header is not UTF-8"),
        ([CE[0]], "ce_id: "),
        ([CE[1]], "ce_source: "),
        ([CE[0], ("ce_id", None)], "ce_id: "),
    ],
)
def test_a_header_that_says_nothing_is_refused(headers, why):
    with pytest.raises(Malformed, match=why):
        request_of(Sent(b'{"source": "fair"}', headers), parse)


def test_a_message_can_say_all_that_the_command_can():
    assert set(CaptureLead.__struct_fields__) <= set(IncomingLead.__struct_fields__)
