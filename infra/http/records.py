"""The operations that show what happened to one record, as of any moment."""

from collections.abc import Iterator
from typing import Any

from domain.errors import NotFound
from domain.personal import personal_texts
from infra.application.app import App
from infra.application.histories import LATEST
from infra.application.moments import at, position
from infra.application.names import PLURALS
from infra.application.timeline import timeline_lines
from infra.http.figures import EFFECTIVE_AT, KNOWN_AT
from infra.http.operations import READ, Body, Call, Operation, Reply, encode
from infra.http.positions import WAIT, check_reached
from infra.http.schemas import ANYTHING, TEXT, TIME, WHOLE, array, record
from infra.http.writing import stream_parameter
from infra.identity.caller import Target
from infra.identity.masking import MASKED, masked
from infra.privacy.vault import FORGOTTEN, UNREADABLE, Vault

LINE = record({
    "version": WHOLE, "position": WHOLE, "event_id": TEXT, "type": TEXT, "occurred_at": TIME, "recorded_at": TIME,
    "actor": TEXT, "on_behalf_of": TEXT, "reason": TEXT, "source": {"anyOf": [ANYTHING, {"type": "null"}]},
    "event": ANYTHING, "changes": array(ANYTHING), "flags": array(TEXT),
})  # fmt: skip


def operations() -> Iterator[Operation]:
    """The timeline of each kind of stream."""
    for noun, plural in PLURALS.items():
        yield Operation(
            "GET", f"/v1/{plural}/{{id}}/timeline", f"{noun}-timeline",
            "Everything recorded of a stream, in the order of recording: who, why, when, and what changed.",
            Target("records", "timeline", noun), timeline, plural, "", (stream_parameter(noun), KNOWN_AT, EFFECTIVE_AT,
            WAIT), None, Body(array(LINE)), (200,), (*READ, 409),
        )  # fmt: skip


class Opened:
    """A log as a caller reads it: sealed fields are opened, or masked where they are not theirs to read."""

    def __init__(self, app: App, personal: bool) -> None:
        self.log, self._vault, self._personal = app.log, app.vault, personal
        self.saw_personal = False

    @property
    def vault(self) -> Vault:
        """What opens."""
        return self  # type: ignore[return-value]  # pyright: ignore[reportReturnType] # all that a timeline asks of one

    def open(self, stream: str, event: Any) -> Any:
        """An event, opened or masked."""
        opened = self._vault.open(stream, event)
        for inner in (opened, getattr(opened, "replacement", None)):
            if hasattr(inner, "__struct_fields__"):
                self._note(personal_texts(inner).values())  # pyright: ignore[reportArgumentType]
        return opened if self._personal else masked(opened)

    def open_text(self, stream: str, field: str, text: str) -> str:
        """A text, opened or masked."""
        opened = self._vault.open_text(stream, field, text)
        self._note([opened])
        return opened if self._personal or opened in ("", FORGOTTEN) else MASKED

    def _note(self, texts: Any) -> None:
        if self._personal and any(text and text not in (FORGOTTEN, UNREADABLE) for text in texts):
            self.saw_personal = True


async def timeline(call: Call) -> Reply:
    """The history of one stream."""
    stream = call.path["id"]

    def lines() -> bytes:
        app, query = call.service.app, call.query
        check_reached(app.log, query)
        known = LATEST if "known_at" not in query else position(app, query["known_at"])
        until = None if "effective_at" not in query else at(app, "effective_at", query["effective_at"])
        opened = Opened(app, call.caller.personal)
        found = timeline_lines(opened, stream, known, until)
        if not found:
            by = " by then" if {"known_at", "effective_at"} & query.keys() else ""
            raise NotFound(f"{stream}: nothing was ever recorded of it{by}")
        if opened.saw_personal:
            call.service.access.saw_personal(call.caller, call.operation.target._replace(stream=stream))
        return encode(found)

    return Reply(await call.read(lines))
