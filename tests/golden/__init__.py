"""History as it was ever written, and what each line means: files that are only ever added to.

`history.jsonl`: a line for each shape that an event ever had. `meaning.jsonl`: what each of these lines decodes to,
field by field. `personal.json`: the fields of each event that are sealed. `make generate` adds what is missing to the
last two, and never changes what is there.
"""

from pathlib import Path
from typing import Any

import msgspec

from domain.personal import personal_fields
from infra.store.codec import decode

HERE = Path(__file__).parent
HISTORY, MEANING, PERSONAL = HERE / "history.jsonl", HERE / "meaning.jsonl", HERE / "personal.json"
LINES = HISTORY.read_bytes().splitlines()
MEANINGS: list[dict[str, str]] = [msgspec.json.decode(line) for line in MEANING.read_bytes().splitlines()]


def tag_of(line: bytes) -> str:
    """The tag under which a line was written."""
    return msgspec.json.decode(line)["type"]


NEWEST = {tag_of(line): line for line in LINES}
"""The newest line of each tag."""


def example(event: type[Any]) -> Any:
    """The newest example of an event."""
    tag = str(event.__struct_config__.tag)
    assert tag in NEWEST, f"tests/golden/history.jsonl: add a line for {tag}, then run `make generate`"
    return decode(tag, NEWEST[tag])


def meaning(line: bytes) -> dict[str, str]:
    """What a line decodes to: the type, and each field as Python writes it."""
    event: Any = decode(tag_of(line), line)
    return {"type": type(event).__name__, **{name: repr(getattr(event, name)) for name in event.__struct_fields__}}


def add_missing() -> None:
    """Write what the newest lines mean, and which fields of new events are personal."""
    lines = [msgspec.json.encode(each) for each in (*MEANINGS, *map(meaning, LINES[len(MEANINGS) :]))]
    MEANING.write_bytes(b"".join(line + b"\n" for line in lines))
    personal: dict[str, Any] = msgspec.json.decode(PERSONAL.read_bytes()) if PERSONAL.exists() else {}
    for tag, line in NEWEST.items():
        personal.setdefault(tag, personal_fields(type(decode(tag, line))))
    PERSONAL.write_bytes(msgspec.json.format(msgspec.json.encode(personal)) + b"\n")
