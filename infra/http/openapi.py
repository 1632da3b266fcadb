"""The OpenAPI 3.1 document of the operations: made of the same definitions that read the requests."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from infra.http.operations import Operation, Parameter
from infra.http.problems import KINDS, MEDIA_TYPE, ProblemDocument
from infra.http.schemas import components, currencies, ref
from infra.http.values import MOMENTS

ABOUT = """A sales pipeline that remembers: every figure, as of any moment, explained by its events.

Whatever is refused is answered by a problem document (RFC 9457) whose `type` never changes. A write answers with the
position of its last fact, which a read can `wait` for; every read takes the moments `known_at` and `effective_at`.
"""
LIMITED = {
    "RateLimit-Limit": "Requests that one caller may make in a window.",
    "RateLimit-Remaining": "How many are left.",
    "RateLimit-Reset": "Seconds until all are there again.",
}
HEADERS: dict[int, dict[str, str]] = {
    304: {"ETag": "What the caller has already."},
    401: {"WWW-Authenticate": "How to say who calls."},
    405: {"Allow": "The methods that the path takes."},
    429: {"Retry-After": "Seconds after which to try again."},
    503: {"Retry-After": "Seconds after which to try again."},
}


def openapi(operations: Sequence[Operation]) -> dict[str, Any]:
    """The document."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = described(operation)
    structs = [
        struct
        for operation in operations
        for body in (operation.body, operation.answer)
        if body is not None
        for struct in body.structs
    ]
    return {
        "openapi": "3.1.0",
        "info": {"title": "dealtrail", "version": version("dealtrail"), "description": ABOUT},
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "security": [{}, {"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": {
                "Currency": currencies(), **{each.name: each.whole_schema for each in MOMENTS},
                **components([ProblemDocument, *structs]),
            },
            "responses": {f"Problem{status}": refusal(status) for status in sorted({k.status for k in KINDS.values()})},
            "securitySchemes": {
                "bearer": {
                    "type": "http", "scheme": "bearer", "description": "An OIDC access token, or an API key.",
                }
            },
        },
    }  # fmt: skip


def described(operation: Operation) -> dict[str, Any]:
    """One operation."""
    document: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "parameters": [parameter(each) for each in operation.parameters],
        "responses": {str(status): answer(operation, status) for status in statuses(operation)},
    }
    if operation.rules:
        document["x-rules"] = operation.rules
    if operation.description:
        document["description"] = operation.description
    if operation.body is not None:
        document["requestBody"] = {
            "required": True, "content": {each: {"schema": operation.body.schema} for each in operation.takes},
        }  # fmt: skip
    return document


def statuses(operation: Operation) -> Iterable[int]:
    """All that may come, in order."""
    return sorted({*operation.success, *operation.statuses} - ({200} - {*operation.success}))


def parameter(each: Parameter) -> dict[str, Any]:
    """A parameter, by the value that reads it."""
    schema = each.value.schema
    document: dict[str, Any] = {
        "name": each.name, "in": each.place, "required": each.required, "description": each.description,
        "schema": {"type": "array", "items": schema} if each.many else schema,
    }  # fmt: skip
    return {**document, "style": "form", "explode": True} if each.many else document


def answer(operation: Operation, status: int) -> dict[str, Any]:
    """What an operation answers with a status."""
    if status >= 400 and status not in operation.success:
        return {"$ref": f"#/components/responses/Problem{status}"}
    document: dict[str, Any] = {"description": meaning(status), "headers": fields_of(status)}
    if status not in (204, 304):
        types = (operation.media_type, *operation.also)
        document["content"] = {each: {"schema": operation.answer.schema} for each in types}
    return document


def refusal(status: int) -> dict[str, Any]:
    """What every operation answers with a status that refuses."""
    content = {MEDIA_TYPE: {"schema": ref(ProblemDocument)}}
    return {"description": meaning(status), "headers": fields_of(status), "content": content}


def fields_of(status: int) -> dict[str, Any]:
    """The header fields of an answer."""
    fields = {**(LIMITED if status != 304 else {}), **HEADERS.get(status, {})}
    return {
        name: {"description": text, "schema": {"type": "integer" if "Limit" in name or "After" in name else "string"}}
        for name, text in fields.items()
    }


def meaning(status: int) -> str:
    """What a status means: of a refusal, all the kinds of problem that have it."""
    kinds = [f"{name}: {kind.meaning}" for name, kind in KINDS.items() if kind.status == status]
    return " ".join(kinds) or HTTPStatus(status).phrase
