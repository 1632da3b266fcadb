"""One message on its way to a receiver, which may fail, hang or be gone: within a time, and nowhere else than said."""

import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from domain.errors import Malformed
from infra.settings import is_loopback

GONE = 410
"""The status by which a receiver says that it wants nothing more."""
LATER = (429, 503)
"""The statuses with which a receiver may say when to come back."""


class Outcome(NamedTuple):
    """How a message fared: why it was not taken, empty where it was.

    gone: whether no further one is wanted. wait: seconds before which the receiver does not want it again.
    """

    failure: str
    gone: bool = False
    wait: float = 0.0


def check_url(url: str) -> None:
    """Raise Malformed for a URL to which nothing is sent: everybody on the way would read it, or it holds a secret."""
    parts = split(url)
    if parts is None or not parts.hostname:
        raise Malformed("url: this is no URL with a host and a port from 1 to 65535")
    if "@" in parts.netloc:
        raise Malformed("url: it holds credentials; the signature says who sends")
    if parts.fragment:
        raise Malformed("url: the part after # is for browsers, and is never sent")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(parts.hostname)):
        raise Malformed("url: events are sent by https://, or by http:// to this machine alone")


def split(url: str) -> SplitResult | None:
    """The parts of a URL; None for what is none, or has a host or a port that cannot be."""
    try:
        parts = urlsplit(url)
        if parts.port == 0 or (parts.hostname or "").encode("idna") == b"":
            return None
    except ValueError:  # UnicodeError too, of a host
        return None
    return parts


def seconds_until(retry_after: str, now: float) -> float:
    """The seconds that a Retry-After says, as their number or as a date; 0 for what is neither."""
    text = retry_after.strip()
    if text.isascii() and text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return 0.0


class Posting:
    """A message that one thread sends, and another may break off."""

    def __init__(self, url: str, headers: Mapping[str, str], body: bytes, timeout: float) -> None:
        self._headers, self._body = headers, body
        self._timeout, self._until = timeout, float("inf")
        parts = urlsplit(url)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        host = parts.hostname or ""
        self._connection = (
            http.client.HTTPSConnection(host, parts.port, timeout=timeout, context=ssl.create_default_context())
            if parts.scheme == "https"
            else http.client.HTTPConnection(host, parts.port, timeout=timeout)
        )

    def send(self) -> Outcome:
        """Send it, and hear what the receiver says; whatever goes wrong is an outcome."""
        self._until = time.monotonic() + self._timeout
        try:
            self._connection.request("POST", self._path, self._body, dict(self._headers))
            answer = self._connection.getresponse()
            status, later = answer.status, answer.getheader("retry-after", "")
        except TimeoutError:
            return Outcome("no answer in time")
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = time.monotonic() >= self._until
            return Outcome("no answer in time" if late else f"no answer: {type(error).__name__}")
        finally:
            self._connection.close()
        if 200 <= status < 300:
            return Outcome("")
        follows = ", and redirects are not followed" if 300 <= status < 400 else ""
        wait = seconds_until(later, time.time()) if status in LATER else 0.0
        return Outcome(f"answered {status}{follows}", status == GONE, wait)

    @property
    def late(self) -> bool:
        """Whether its time is over: a receiver that sends a byte now and then holds it up for ever."""
        return time.monotonic() >= self._until

    def abort(self) -> None:
        """Break it off; whoever waits for the answer waits no longer."""
        sock = self._connection.sock
        if sock is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
