"""Secrets of webhooks, and the headers by which a receiver knows who sent a message (Standard Webhooks)."""

import hmac
from base64 import b64decode, b64encode
from hashlib import sha256

from infra.identifiers import draw

MARK = "whsec_"
"""What a secret begins with, by which scanners of repositories and logs know one."""
SECRET = 32  # bytes


def new_secret() -> str:
    """A secret that nobody has."""
    return MARK + b64encode(draw(SECRET)).decode()


def signature(secret: str, name: str, seconds: int, body: bytes) -> str:
    """The signature of a message: HMAC-SHA256 of its id, the time at which it is sent, and its body."""
    key = b64decode(secret.removeprefix(MARK))
    return "v1," + b64encode(hmac.digest(key, f"{name}.{seconds}.".encode() + body, sha256)).decode()


def headers(secret: str, name: str, seconds: int, body: bytes) -> dict[str, str]:
    """The headers of a message sent at a time, in seconds since 1970 UTC."""
    return {
        "content-type": "application/json",
        "user-agent": "dealtrail",
        "webhook-id": name,
        "webhook-timestamp": str(seconds),
        "webhook-signature": signature(secret, name, seconds, body),
    }
