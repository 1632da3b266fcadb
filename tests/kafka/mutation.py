"""Real messages, each with something wrong with it: what a faulty or hostile sender might put on a topic."""

from collections.abc import Callable, Sequence
from random import Random
from typing import NamedTuple

from infra.kafka.envelope import Header


class Outgoing(NamedTuple):
    """A message to be sent."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: list[Header]


NUMBERS = [b"-1", b"0", b"9223372036854775807", b"9223372036854775808", b"9" * 400, b"1e3", b"1.5", "٣".encode()]
TEXTS = [
    b"", b"\0", b"a\0b", b"\xff\xfe", b"not-a-uuid", b"x" * 5000, "\U0001f4a3".encode(), b"2026-03-31T09:00:00",
    b"0001-01-01T00:00:00+14:00", b"9999-12-31T23:59:59.999999-14:00", *NUMBERS,
]  # fmt: skip
VALUES = [
    b"", b"null", b"{}", b"[]", b"[" * 5000, b'{"a":' * 5000, b'{"type":"no-such-event"}', b'{"type":7}', b"\xff",
    b'{"type":"lead-captured","source":"\\u0000"}', b'{"source":"\\u0000"}', b'{"source":"fair","company":"\\ud800"}',
    b'{"source":"fair","captured_at":"0001-01-01T00:00:00+14:00"}', b'{"source":"fair","captured_at":"2026-03-31"}',
    b'{"position":9223372036854775807,"offsets":{}}', b'{"position":-5,"offsets":{}}', b"1" * 400,
    b'{"position":7,"offsets":{"sales.lead.events.v1":{"99":1}}}', b'{"position":%s,"offsets":{}}' % (b"9" * 400),
    b'{"position":900000,"offsets":{"sales.lead.events.v1":{"0":1000000000}}}',
]  # fmt: skip


def flipped(random: Random, text: bytes) -> bytes:
    """One bit is another one."""
    at = random.randrange(len(text) or 1)
    return text[:at] + bytes([text[at] ^ 1 << random.randrange(8)]) + text[at + 1 :] if text else b"?"


def some_header(random: Random, each: Outgoing, change: Callable[[Header], list[Header]]) -> Outgoing:
    """One header is another one, or none, or two."""
    if not each.headers:
        return each._replace(headers=[("ce_id", random.choice(TEXTS))])
    at = random.randrange(len(each.headers))
    return each._replace(headers=[*each.headers[:at], *change(each.headers[at]), *each.headers[at + 1 :]])


def mutated(random: Random, each: Outgoing, topics: Sequence[str]) -> Outgoing:
    """A message with one thing wrong."""
    value, key = each.value or b"", each.key or b""
    match random.randrange(10):
        case 0:
            return some_header(random, each, lambda _: [])
        case 1:
            return some_header(random, each, lambda one: [(one[0], flipped(random, one[1]))])
        case 2 | 3:
            return some_header(random, each, lambda one: [(one[0], random.choice(TEXTS))])
        case 4:
            return some_header(random, each, lambda one: [one, (one[0], random.choice(TEXTS))])
        case 5:
            return each._replace(value=flipped(random, value))
        case 6:
            return each._replace(value=value[: random.randrange(len(value) or 1)])
        case 7:
            return each._replace(value=random.choice(VALUES))
        case 8:
            return each._replace(topic=random.choice([name for name in topics if name != each.topic]))
        case _:
            return (
                each._replace(value=None) if random.random() < 0.5 and key else each._replace(key=flipped(random, key))
            )
