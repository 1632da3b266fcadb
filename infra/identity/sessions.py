"""Sessions of browsers: the credential that was shown once, sealed in a cookie; and how an issuer gives one."""

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode, urlsplit
from urllib.request import Request, build_opener

from cryptography.fernet import Fernet, InvalidToken

from domain.errors import Malformed, Unavailable
from infra.identity.caller import Unauthorized
from infra.identity.tokens import LARGEST, TIMEOUT, NoRedirects, fetched
from infra.settings import Oidc

LASTS = 12 * 3600  # seconds that a session does
PENDING = 600  # seconds in which somebody signs in at the issuer
LONGEST = 3800  # characters that browsers keep of a cookie
SCOPE = "openid profile"


class Sessions:
    """Seals credentials, so that a browser keeps them and cannot read them. Safe for threads.

    secret: what processes that serve one site share, 16 characters at least; left empty, sessions end with this one.
    """

    def __init__(self, secret: str = "") -> None:
        material = hashlib.sha256(secret.encode()).digest() if secret else secrets.token_bytes(32)
        self._fernet = Fernet(base64.urlsafe_b64encode(material))

    def seal(self, text: str) -> str:
        """What a cookie holds. Raises Malformed where it is longer than browsers keep."""
        sealed = self._fernet.encrypt(text.encode()).decode()
        if len(sealed) > LONGEST:
            raise Malformed(f"credential: sealed it has {len(sealed):,} characters, more than a cookie takes")
        return sealed

    def open(self, sealed: str, lasts: int = LASTS) -> str:
        """What was sealed; empty where it was not by us, or too long ago."""
        try:
            return self._fernet.decrypt(sealed.encode(), ttl=lasts).decode() if sealed else ""
        except (InvalidToken, UnicodeError):
            return ""


class Pending(NamedTuple):
    """A sign-in on its way: what the issuer must send back, the proof that we began it, and where it leads."""

    state: str
    verifier: str
    target: str

    def written(self) -> str:
        """As text."""
        return json.dumps([*self])

    @classmethod
    def read(cls, text: str) -> "Pending":
        """From its text. Raises Unauthorized where there is none."""
        if not text:
            raise Unauthorized("no sign-in is on its way from this browser, or it took too long: begin again")
        return cls(*json.loads(text))


class SignIn:
    """The code flow with PKCE (RFC 7636) of OpenID Connect: the issuer asks who it is, and gives us an access token."""

    def __init__(self, settings: Oidc) -> None:
        self._settings = settings

    def begin(self, back: str, target: str) -> tuple[str, Pending]:
        """(the address of the issuer that asks, what must be known when the browser is back at `back`)."""
        pending = Pending(secrets.token_urlsafe(24), secrets.token_urlsafe(48), target)
        digest = hashlib.sha256(pending.verifier.encode()).digest()
        fields = {
            "response_type": "code", "client_id": self._settings.client_id, "redirect_uri": back, "scope": SCOPE,
            "state": pending.state, "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256", "audience": self._settings.audience,
        }  # fmt: skip
        where = self._endpoint("authorization_endpoint")
        return f"{where}{'&' if '?' in where else '?'}{urlencode(fields)}", pending

    def finish(self, query: Mapping[str, str], pending: Pending, back: str) -> str:
        """The access token that a code is exchanged for. Raises Unauthorized, or Unavailable."""
        if error := query.get("error"):
            raise Unauthorized(f"the issuer says {error}: {query.get('error_description', '')}".strip(": "))
        if not secrets.compare_digest(query.get("state", ""), pending.state):
            raise Unauthorized("state: this answer of the issuer belongs to another sign-in: begin again")
        fields = {
            "grant_type": "authorization_code", "code": query.get("code", ""), "redirect_uri": back,
            "client_id": self._settings.client_id, "code_verifier": pending.verifier,
        }  # fmt: skip
        if self._settings.client_secret:
            fields["client_secret"] = self._settings.client_secret
        token = exchanged(self._endpoint("token_endpoint"), fields).get("access_token")
        if not isinstance(token, str) or not token:
            raise Unauthorized("the issuer gave no access token")
        return token

    def _endpoint(self, name: str) -> str:
        """An address of the issuer, as its own document says."""
        document = fetched(f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration")
        address = document.get(name)
        if not isinstance(address, str) or urlsplit(address).scheme != urlsplit(self._settings.issuer).scheme:
            raise Unavailable(f"the issuer {self._settings.issuer} does not say where its {name} is")
        return address


def exchanged(url: str, fields: Mapping[str, str]) -> Mapping[str, Any]:
    """What an issuer answers to a form. Raises Unauthorized where it refuses, Unavailable where it does not answer."""
    asked = Request(url, urlencode(fields).encode(), {"Accept": "application/json"})  # noqa: S310 - checked above
    try:
        with build_opener(NoRedirects()).open(asked, timeout=TIMEOUT) as answer:
            document: object = json.loads(answer.read(LARGEST))
    except HTTPError as error:
        raise Unauthorized(f"the issuer refuses the sign-in: {error.code}") from error
    except (URLError, OSError, ValueError, RecursionError) as error:
        raise Unavailable(f"the issuer does not answer as it should at {url}: {error}") from error
    if not isinstance(document, dict):
        raise Unavailable(f"the issuer does not answer as it should at {url}: not a JSON object")
    return cast("dict[str, Any]", document)
