"""The operations that watch over the service: whether it runs, whether it can be asked, and what it counts."""

from collections.abc import Iterator

from infra.http.operations import Body, Call, Operation, Reply, encode
from infra.http.schemas import ref
from infra.identity.caller import Target
from infra.operations.health import Alive, Readiness
from infra.operations.measures import CONTENT_TYPE

OPEN = (405, 500, 503)


def operations() -> Iterator[Operation]:
    """Health, readiness and measures."""
    yield Operation(
        "GET", "/healthz", "healthz", "The process answers: who restarts it on no answer need not.",
        Target("describe", "healthz"), healthy, "operations", answer=Body(ref(Alive), (Alive,)), statuses=OPEN,
        anonymous=True,
    )  # fmt: skip
    yield Operation(
        "GET", "/readyz", "readyz", "Whether callers should be sent here: 503 where not, with the reason.",
        Target("describe", "readyz"), ready, "operations", answer=Body(ref(Readiness), (Readiness,)),
        success=(200, 503), statuses=OPEN, anonymous=True,
    )  # fmt: skip
    yield Operation(
        "GET", "/metrics", "measures", "What the service counts and measures, as Prometheus reads it.",
        Target("describe", "measures"), measured, "operations", answer=Body({"type": "string"}),
        media_type="text/plain",
    )  # fmt: skip


async def healthy(call: Call) -> Reply:
    """The process answers."""
    return Reply(encode(call.service.health.alive()))


async def ready(call: Call) -> Reply:
    """Whether the service can be asked."""
    readiness = await call.read(call.service.health.readiness)
    well = readiness.ready and not call.service.stopped.is_set()
    return Reply(encode(readiness), 200 if well else 503, {} if well else {"retry-after": "1"})


async def measured(call: Call) -> Reply:
    """All that is counted."""
    return Reply(await call.read(call.service.measures.text), media_type=CONTENT_TYPE)
