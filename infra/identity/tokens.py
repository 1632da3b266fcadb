"""Access tokens of an OpenID Connect issuer: checked by the keys that it publishes, for our audience alone."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, cast
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from domain.errors import Malformed, Unavailable
from infra.identity.caller import ROLES, Unauthorized
from infra.settings import Oidc

if TYPE_CHECKING:
    from jwt import PyJWK

TIMEOUT = 5.0  # seconds for each answer of the issuer
LARGEST = 1 << 20  # bytes of a document of the issuer
REFRESH = 10.0  # seconds at least between two looks at the keys
AGE = 600.0  # seconds that keys are used before they are looked up anew
STALE = 24 * AGE  # seconds that keys are used while nobody tells of new ones
PATIENCE = 1.0  # seconds that a caller waits for somebody else who fetches keys
LONGEST = 16_384  # characters of a token
KEY_TYPES = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
"""The algorithms that there may be, with the type of key that each is for: none by a shared secret."""


class Claims(NamedTuple):
    """Who a token says that its bearer is."""

    actor: str
    roles: frozenset[str]
    owner: str
    scopes: frozenset[str]
    subject: str


class NoRedirects(HTTPRedirectHandler):
    """An issuer answers where it was asked: its keys are not fetched from wherever somebody sends us."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def fetched(url: str) -> Mapping[str, Any]:
    """The JSON object at a URL. Raises Unavailable."""
    try:
        asked = Request(url, headers={"Accept": "application/json"})  # noqa: S310 - the settings allow http and https
        with build_opener(NoRedirects()).open(asked, timeout=TIMEOUT) as answer:
            body = answer.read(LARGEST + 1)
        if len(body) > LARGEST:
            raise ValueError(f"more than {LARGEST} bytes")
        document: object = json.loads(body)
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
        return cast("dict[str, Any]", document)
    except (URLError, OSError, ValueError, RecursionError) as error:
        raise Unavailable(f"the issuer of tokens does not answer as it should at {url}: {error}") from error


class IssuerKeys:
    """The public keys of an issuer, fetched when they are needed, and again where a token names one that is not there.

    Safe for threads; one fetches at a time. Keys that were fetched are used while the issuer is down.
    """

    def __init__(self, settings: Oidc, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._lock = threading.Lock()
        self._keys: dict[str, PyJWK] = {}
        self._fetched = self._tried = -float("inf")
        self._failure = ""

    def key(self, kid: str) -> "PyJWK":
        """The key of an id. Raises Unauthorized for one that the issuer does not have, Unavailable where it is down.

        Whose key is known does not wait for somebody else who fetches, and nobody waits for long.
        """
        now = self._clock()
        known = self._keys.get(kid)
        if known is not None and now - self._fetched <= AGE:
            return known
        usable = known is not None and now - self._fetched <= STALE
        if self._lock.acquire(timeout=0 if usable else PATIENCE):
            try:
                if self._clock() - self._tried > REFRESH:
                    self._tried = self._clock()
                    self._refresh(self._tried)
            finally:
                self._lock.release()
        elif not usable:
            raise Unavailable("the keys of the issuer of tokens are just being fetched: ask again")
        if (known := self._keys.get(kid)) is not None and self._clock() - self._fetched <= STALE:
            return known
        if self._failure:
            raise Unavailable(self._failure)
        raise Unauthorized("the token is signed by a key that its issuer does not publish", INVALID)

    def _refresh(self, now: float) -> None:
        try:
            self._keys, self._fetched, self._failure = self._published(), now, ""
        except Unavailable as error:
            self._failure = str(error)

    def _published(self) -> "dict[str, PyJWK]":
        from jwt import PyJWK
        from jwt.exceptions import PyJWKError

        found: dict[str, PyJWK] = {}
        keys = fetched(self._address()).get("keys")
        for each in cast("list[object]", keys) if isinstance(keys, list) else []:
            if not isinstance(each, dict):
                continue
            jwk = cast("dict[str, Any]", each)
            if jwk.get("kty") not in KEY_TYPES.values() or jwk.get("use", "sig") != "sig" or not jwk.get("kid"):
                continue
            try:
                found[str(jwk["kid"])] = PyJWK(jwk, jwk.get("alg") or _algorithm(jwk))
            except (PyJWKError, ValueError, KeyError):
                continue  # a kind of key that we do not know may stand beside those that we do
        return found

    def _address(self) -> str:
        """Where the keys are: as configured, or as the issuer's own document says."""
        if self._settings.jwks_url:
            return self._settings.jwks_url
        document = fetched(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        if document.get("issuer") != self._settings.issuer:
            raise Unavailable(f"the issuer {self._settings.issuer} calls itself {document.get('issuer')!r}")
        address = document.get("jwks_uri")
        if not isinstance(address, str) or urlsplit(address).scheme != urlsplit(self._settings.issuer).scheme:
            raise Unavailable(f"the issuer {self._settings.issuer} does not say where its keys are")
        return address


INVALID = 'Bearer error="invalid_token"'


class Tokens:
    """Tells by the settings whether a token is good, and what it says. Safe for threads."""

    def __init__(self, settings: Oidc, keys: IssuerKeys | None = None) -> None:
        if not settings.issuer or not settings.audience:
            raise Malformed("oidc.issuer: tokens need an issuer, and an audience")
        self._settings, self._keys = settings, keys or IssuerKeys(settings)

    def claims(self, token: str) -> Claims:
        """Who its bearer is. Raises Unauthorized for a token that is not good, Unavailable where nobody can tell."""
        import jwt

        if len(token) > LONGEST:
            raise Unauthorized(f"the token is longer than {LONGEST} characters", INVALID)
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError as error:
            raise Unauthorized(f"the token is none: {error}", INVALID) from error
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm not in self._settings.allowed or algorithm not in KEY_TYPES:
            raise Unauthorized(f"the token's algorithm is not one of {', '.join(self._settings.allowed)}", INVALID)
        if not isinstance(kid, str) or not kid:
            raise Unauthorized("the token does not say which key signed it", INVALID)
        key = self._keys.key(kid)
        if key.key_type != KEY_TYPES[algorithm]:
            raise Unauthorized("the token's algorithm is not that of the key that it names", INVALID)
        try:
            claims = jwt.decode(
                token, key.key, algorithms=[algorithm], audience=self._settings.audience, issuer=self._settings.issuer,
                leeway=self._settings.leeway_seconds, options={"require": ["exp", "iss", "aud", "sub"]},
            )  # fmt: skip
        except (jwt.PyJWTError, TypeError, ValueError) as error:
            raise Unauthorized(f"the token is not good: {error}", INVALID) from error
        return self._read(claims)

    def _read(self, claims: Mapping[str, Any]) -> Claims:
        settings = self._settings
        subject = str(claims["sub"])
        actor = _text(_at(claims, settings.actor_claim)) or subject
        roles = frozenset(settings.renamed.get(each, each) for each in _texts(_at(claims, settings.roles_claim)))
        scopes = frozenset(_texts(_at(claims, settings.scopes_claim)))
        owner = _text(_at(claims, settings.owner_claim))
        if not actor.isprintable():
            raise Unauthorized("the token's actor holds characters that cannot be printed", INVALID)
        return Claims(actor, roles & {*ROLES}, owner, scopes, subject)


def _at(claims: Mapping[str, Any], path: str) -> object:
    """What a claim holds: by its name, or along a path such as `realm_access.roles`."""
    if not path:
        return None
    if path in claims:
        return claims[path]
    found: object = claims
    for step in path.split("."):
        found = cast("Mapping[str, object]", found).get(step) if isinstance(found, Mapping) else None
    return found


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: object) -> list[str]:
    """Several texts: a list of them, or one that is separated by spaces, as scopes are."""
    if isinstance(value, str):
        return value.split()
    return [each for each in cast("list[object]", value) if isinstance(each, str)] if isinstance(value, list) else []


def _algorithm(jwk: Mapping[str, Any]) -> str:
    """The algorithm of a key that does not say: the one that there is for its type."""
    return next(algorithm for algorithm, kind in KEY_TYPES.items() if kind == jwk["kty"])
