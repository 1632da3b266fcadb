"""What an operation is: a path with a method, all that goes in and comes out, and the function that answers it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from domain.errors import Malformed
from infra.http.values import Value
from infra.identity.caller import Caller, Target

if TYPE_CHECKING:
    from infra.http.running import Service

JSON = "application/json"
READ = (200, 400, 401, 403, 404, 405, 422, 429, 500, 503)
WRITE = (400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 429, 500, 503)
encode = msgspec.json.Encoder().encode


class Parameter(NamedTuple):
    """A part of a request beside its body: where it stands, what it may be, and what it means."""

    name: str
    place: Literal["query", "path", "header"]
    value: Value
    description: str
    many: bool = False
    required: bool = False


class Body(NamedTuple):
    """What a request carries: the JSON Schema of its document, and of which structs that speaks."""

    schema: dict[str, Any]
    structs: Sequence[type[Struct]] = ()


NOTHING = Body({})


class Reply(NamedTuple):
    """What goes back: a document or bytes, or a stream of bytes that ends when the caller, or the service, does."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}
    media_type: str = JSON
    stream: AsyncIterator[bytes] | None = None


@dataclass(frozen=True)
class Call:
    """A request on its way: who calls, and what they say. Texts are read already, by the operation's parameters."""

    service: "Service"
    operation: "Operation"
    caller: Caller
    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    conditions: Mapping[str, str] = field(default_factory=dict[str, str])
    body: bytes = b""

    async def read(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function that waits for the database gives, called where waiting holds nobody up."""
        return await self.service.apart(function, *arguments)


@dataclass(frozen=True)
class Operation:
    """One thing that can be asked.

    name: stable, as clients' code has it. summary, description: for people, of docstrings. target: what is touched.
    answer: the JSON Schema of a good answer, with the structs that it speaks of. statuses: all that may come.
    secret: whether answers may hold personal data, so that nobody keeps them. anonymous: whether anybody may ask.
    takes: the media types of a body; also: those of an answer beside the first. rules: what makes a request malformed
    that its schema cannot say.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"]
    path: str
    name: str
    summary: str
    target: Target
    run: Callable[[Call], Awaitable[Reply]]
    tag: str
    description: str = ""
    parameters: Sequence[Parameter] = ()
    body: Body | None = None
    answer: Body = NOTHING
    success: Sequence[int] = (200,)
    statuses: Sequence[int] = READ
    media_type: str = JSON
    secret: bool = True
    anonymous: bool = False
    rules: str = ""
    takes: Sequence[str] = (JSON,)
    also: Sequence[str] = ()


def read_query(operation: Operation, texts: Mapping[str, list[str]]) -> dict[str, Any]:
    """What the query of a request says. Raises Malformed naming a part that there is not, or that is not such."""
    known = {each.name: each for each in operation.parameters if each.place == "query"}
    values: dict[str, Any] = {}
    for name, written in texts.items():
        parameter = known.get(name)
        if parameter is None:
            there = f"there are {', '.join(known)}" if known else "there is none"
            raise Malformed(f"{name if name.isprintable() else repr(name)}: there is no such parameter; {there}")
        if len(written) > 1 and not parameter.many:
            raise Malformed(f"{name}: say one, not {len(written)}")
        read = [parameter.value.read(name, text) for text in written]
        values[name] = tuple(read) if parameter.many else read[0]
    for name, parameter in known.items():
        if parameter.required and name not in values:
            raise Malformed(f"{name}: is missing")
    return values


__all__ = ["JSON", "READ", "WRITE", "Body", "Call", "Operation", "Parameter", "Reply", "encode"]
