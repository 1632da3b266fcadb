"""Every refusal as an RFC 9457 problem document: a stable type, the field and the reason."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from domain.errors import (
    Conflict,
    Forbidden,
    KeyReused,
    Malformed,
    NotFound,
    PipelineError,
    Rejected,
    Unavailable,
)
from infra.identity.caller import Unauthorized

PATH = "/v1/problems/"
MEDIA_TYPE = "application/problem+json"
FIELD = re.compile(r"(?P<field>[a-z][a-z_0-9]*(?:\[[0-9]+\]|\.[a-z_][a-z0-9_]*)*): (?P<reason>.+)", re.DOTALL)
HEADER = re.compile(r"(?P<field>[A-Za-z]+(?:-[A-Za-z]+)*): (?P<reason>.+)", re.DOTALL)
OF_HEADERS = ("unreadable", "unsupported-media-type")
RETRY = 1  # seconds after which to try again what was late


class Kind(NamedTuple):
    """A kind of problem: its status and what it means."""

    status: int
    title: str
    meaning: str


KINDS: dict[str, Kind] = {
    "unreadable": Kind(400, "Bad request", "The request cannot be read: its body is no JSON, or a header is no such."),
    "unauthorized": Kind(401, "Unauthorized", "Nobody that we know: say who calls, with valid credentials."),
    "forbidden": Kind(403, "Forbidden", "The caller may not do this."),
    "not-found": Kind(404, "Not found", "Nothing of that name exists."),
    "method-not-allowed": Kind(405, "Method not allowed", "The path is there, and takes other methods: see Allow."),
    "rejected": Kind(409, "Rejected", "The request is clear; the state or a rule forbids it."),
    "conflict": Kind(409, "Conflict", "Somebody else came first: read again, and decide again."),
    "not-reached": Kind(409, "Not reached", "The log has not reached the position that is asked for."),
    "version-moved": Kind(412, "Precondition failed", "The stream is not at the version that If-Match names."),
    "too-large": Kind(413, "Content too large", "The body is larger than this service takes."),
    "unsupported-media-type": Kind(415, "Unsupported media type", "A body is application/json, in UTF-8."),
    "malformed": Kind(422, "Malformed", "The input is not something that can be asked: `field` says where."),
    "key-reused": Kind(422, "Key reused", "The Idempotency-Key was used before, for another request."),
    "too-many-requests": Kind(429, "Too many requests", "The caller's share is used up: see Retry-After."),
    "unexpected": Kind(500, "Unexpected", "A fault of the service; the log of the service says more."),
    "unavailable": Kind(503, "Unavailable", "A part cannot be reached, or was late: see Retry-After."),
}
"""Every type of problem, by its name."""
LEAVES: dict[type[PipelineError], str] = {
    Malformed: "malformed",
    KeyReused: "key-reused",
    Rejected: "rejected",
    Conflict: "conflict",
    NotFound: "not-found",
    Forbidden: "forbidden",
    Unavailable: "unavailable",
    Unauthorized: "unauthorized",
}
"""The leaves of the tree of refusals, and the problem that each is."""


class Problem(PipelineError):
    """A refusal of the way in itself: its kind, what was wrong, and what else goes with it."""

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> None:
        super().__init__(detail)
        self.kind, self.headers, self.members = kind, dict(headers or {}), members


class ProblemDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem (RFC 9457). `field` and `reason` say what is wrong where one part of the request is.

    came_first: of a stream that moved, what happened to it since the version that the caller has seen.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str = ""
    field: str = ""
    reason: str = ""
    stream: str = ""
    version: int | None = None
    came_first: tuple["CameFirst", ...] = ()


class CameFirst(msgspec.Struct, frozen=True):
    """A fact that came before a request: what, by whom and when."""

    version: int
    type: str
    actor: str
    occurred_at: datetime
    recorded_at: datetime


def kind_of(error: BaseException) -> str:
    """The name of the kind of problem that an error is; `unexpected` for what nothing should raise."""
    if isinstance(error, Problem):
        return error.kind
    return next((LEAVES[leaf] for leaf in type(error).__mro__ if leaf in LEAVES), "unexpected")


def problem(error: BaseException, instance: str = "") -> tuple[ProblemDocument, dict[str, str]]:
    """The problem document of an error, and the headers that go with it."""
    name = kind_of(error)
    kind = KINDS[name]
    detail = str(error) if name != "unexpected" else kind.meaning
    headers: dict[str, str] = {}
    members: dict[str, Any] = {}
    if match := (HEADER if name in OF_HEADERS else FIELD).fullmatch(detail):
        members |= {"field": match["field"], "reason": match["reason"]}
    if isinstance(error, Conflict):
        members |= {"stream": error.stream, "version": error.actual}
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = error.challenge
    if kind.status == 503:
        headers["retry-after"] = str(RETRY)
    if isinstance(error, Problem):
        headers |= error.headers
        members |= error.members
    return ProblemDocument(PATH + name, kind.title, kind.status, detail, instance=instance, **members), headers
