"""API keys: 256 random bits shown once, kept as a digest, for a time, and for what they are meant for."""

import hmac
import re
from base64 import urlsafe_b64encode
from hashlib import sha256

from msgspec import Struct

from domain.errors import Malformed, NotFound
from infra.control import Control
from infra.identifiers import draw
from infra.identity.caller import ROLES, SCOPES, Unauthorized
from infra.store.log import Row

MARK = "dtk"
"""What a key begins with, by which scanners of repositories and logs know one."""
KEY = re.compile(rf"{MARK}_(?P<prefix>[0-9a-f]{{12}})_(?P<secret>[A-Za-z0-9_-]{{43}})")
SECRET = 32  # bytes
DAY = 86_400_000_000  # microseconds
LONGEST = 3_650  # days that a key lasts at the most
NEVER = "0" * 64
"""The digest of no secret, compared with where a prefix is not there, so that this takes as long."""
COLUMNS = "prefix, actor, roles, owner, scopes, created_at, created_by, expires_at, revoked_at, revoked_by"


class ApiKey(Struct, frozen=True):
    """What is kept of a key beside its digest. Times in microseconds since 1970 UTC, 0 for never."""

    prefix: str
    actor: str
    roles: tuple[str, ...]
    owner: str
    scopes: tuple[str, ...]
    created_at: int
    created_by: str
    expires_at: int
    revoked_at: int
    revoked_by: str

    def state(self, now: int) -> str:
        """`valid`, `expired` or `revoked`."""
        if self.revoked_at:
            return "revoked"
        return "expired" if self.expires_at <= now else "valid"


class Wanted(Struct, frozen=True):
    """A key as it is asked for: whose facts it records, as what, as which seller, for which scopes, how long."""

    actor: str
    roles: tuple[str, ...]
    owner: str = ""
    scopes: tuple[str, ...] = ()
    days: int = 90

    def __post_init__(self) -> None:
        if not self.actor.strip() or not self.actor.isprintable():
            raise Malformed("actor: say under which name facts are recorded, in printable characters")
        if not self.roles:
            raise Malformed(f"roles: say at least one of {', '.join(ROLES)}")
        for field, given, known in (("roles", self.roles, ROLES), ("scopes", self.scopes, SCOPES)):
            for each in given:
                if each not in known:
                    raise Malformed(f"{field}: there is no {each!r}; there are: {', '.join(known)}")
        if {"rep", "manager"} & {*self.roles} and not self.owner.strip():
            raise Malformed("owner: say which seller a rep or a manager is in the log")
        if bool(self.scopes) != ("service" in self.roles):
            raise Malformed("scopes: a service needs at least one, and they are for a service alone")
        if not 1 <= self.days <= LONGEST:
            raise Malformed(f"days: a key lasts from 1 to {LONGEST} days, not {self.days}")


def create(control: Control, wanted: Wanted, by: str, now: int) -> tuple[str, ApiKey]:
    """A new key, which is never to be had again, and what is kept of it."""
    prefix = draw(6).hex()
    secret = urlsafe_b64encode(draw(SECRET)).rstrip(b"=").decode()
    key = ApiKey(
        prefix, wanted.actor, wanted.roles, wanted.owner, wanted.scopes, now, by, now + wanted.days * DAY, 0, ""
    )
    control.run(
        f"INSERT INTO api_keys ({COLUMNS}, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - no value
        key.prefix, key.actor, ",".join(key.roles), key.owner, ",".join(key.scopes), key.created_at, key.created_by,
        key.expires_at, key.revoked_at, key.revoked_by, digest(secret),
    )  # fmt: skip
    return f"{MARK}_{prefix}_{secret}", key


def listed(control: Control) -> list[ApiKey]:
    """Every key that there ever was, the newest first."""
    rows = control.run(f"SELECT {COLUMNS} FROM api_keys ORDER BY created_at DESC, prefix")  # noqa: S608 - no value
    return [_key(row) for row in rows]


def revoke(control: Control, prefix: str, by: str, now: int) -> ApiKey:
    """The key, which opens nothing from now on; one that was revoked stays as it was. Raises NotFound."""
    control.run(
        "UPDATE api_keys SET revoked_at = ?, revoked_by = ? WHERE prefix = ? AND revoked_at = 0", now, by, prefix
    )
    rows = control.run(f"SELECT {COLUMNS} FROM api_keys WHERE prefix = ?", prefix)  # noqa: S608 - no value
    if not rows:
        raise NotFound(f"there is no key of the prefix {prefix!r}")
    return _key(rows[0])


def is_key(credential: str) -> bool:
    """Whether a credential means to be a key, well-formed or not."""
    return credential.startswith(f"{MARK}_")


def verified(control: Control, credential: str, now: int) -> ApiKey:
    """The key that a caller shows. Raises Unauthorized for one that is not, or no more, valid."""
    match = KEY.fullmatch(credential)
    if match is None:
        raise Unauthorized("the API key is not one: it is cut off, or more than a key", "Bearer")
    rows = control.run(f"SELECT {COLUMNS}, digest FROM api_keys WHERE prefix = ?", match["prefix"])  # noqa: S608
    stored = str(rows[0][-1]) if rows else NEVER
    if not hmac.compare_digest(digest(match["secret"]), stored) or not rows:
        raise Unauthorized("the API key is not known here")
    key = _key(rows[0][:-1])
    if (state := key.state(now)) != "valid":
        raise Unauthorized(f"the API key {key.prefix} is {state}")
    return key


def digest(secret: str) -> str:
    """What is kept of a secret. It has 256 bits of its own, so nothing slower than SHA-256 is needed."""
    return sha256(secret.encode()).hexdigest()


def _key(row: Row) -> ApiKey:
    prefix, actor, roles, owner, scopes, created_at, created_by, expires_at, revoked_at, revoked_by = row
    return ApiKey(
        str(prefix), str(actor), _parts(roles), str(owner), _parts(scopes), int(str(created_at)), str(created_by),
        int(str(expires_at)), int(str(revoked_at)), str(revoked_by),
    )  # fmt: skip


def _parts(text: object) -> tuple[str, ...]:
    return tuple(str(text).split(",")) if text else ()
