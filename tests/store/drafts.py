"""Drafts for tests: a lead is captured, then assigned again and again."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from domain.lead import LeadCaptured
from domain.lead.profile import LeadAssigned
from domain.reference.subject import SubjectErased
from infra.store.codec import encode
from infra.store.log import Answer, Append, Draft, Log

NOON = 1_790_000_000_000_000  # an instant in 2026, in microseconds


def drafted(stream: str, version: int, **envelope: Any) -> Draft:
    """The version-th fact of a lead."""
    event = LeadCaptured("website") if version == 1 else LeadAssigned(f"owner {version}")
    given = {"occurred_at": NOON + version, "actor": "ann"} | envelope
    return Draft(uuid4(), stream, version, event.__struct_config__.tag, encode(event), **given)  # type: ignore[arg-type]


def erasure(subject: str, version: int = 1) -> Draft:
    """The fact that a person was erased."""
    event = SubjectErased("GDPR-17", "bob")
    return Draft(uuid4(), f"subject-{subject}", version, "subject-erased", encode(event), NOON, "ann")


def added(log: Log, stream: str, *versions: int, answers: Mapping[tuple[str, str], Answer] | None = None) -> list[int]:
    """The positions of some facts of one lead, appended together."""
    drafts = [drafted(stream, version) for version in versions]
    return list(log.append(Append(drafts, answers=answers or {})).positions)
