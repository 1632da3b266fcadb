"""How a person's browser shows who they are: by a key, or through the issuer; then by a session in a cookie."""

from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple
from urllib.parse import urlencode

from domain.errors import PipelineError
from infra.http.running import Service
from infra.identity.caller import Unauthorized
from infra.identity.local import Local
from infra.identity.sessions import LASTS, PENDING, Pending, SignIn
from infra.web.page import Page, Reply, see_other

SESSION, WAY = "dealtrail_session", "dealtrail_sign_in"
"""The cookies of a session, and of a sign-in that is on its way."""
BACK = "/sign-in/back"
HOME = "/"


class Asking(NamedTuple):
    """Who wants to sign in, as far as that is known. origin: the address of this site, as the browser knows it."""

    path: str
    method: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    origin: str


def cookie(headers: Mapping[str, str], name: str) -> str:
    """What a browser keeps of us under a name; empty where nothing."""
    try:
        kept = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        kept = None
    return kept.value if kept is not None else ""


def with_credential(service: Service, headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of a request, with the credential of the browser's session where it shows no other."""
    if "authorization" in headers or not (sealed := cookie(headers, SESSION)):
        return headers
    credential = service.sessions.open(sealed)
    return {**headers, "authorization": f"Bearer {credential}"} if credential else headers


def answer(service: Service, asked: Asking) -> Page | Reply:
    """What follows at an address of the sign-in."""
    if isinstance(service.access, Local):
        return see_other(HOME)
    target = local(asked.query.get("next") or asked.form.get("next") or HOME)
    try:
        match asked.method, asked.path:
            case "POST", "/sign-out":
                return see_other("/sign-in")._replace(headers={"location": "/sign-in", **kept(asked, SESSION, "", 0)})
            case "POST", "/sign-in":
                return begun(service, asked, asked.form.get("key", "").strip(), target)
            case "GET", "/sign-in/issuer" if service.app.settings.oidc.client_id:
                where, pending = SignIn(service.app.settings.oidc).begin(asked.origin + BACK, target)
                sealed = service.sessions.seal(pending.written())
                return Reply(303, "text/plain", b"", {"location": where, **kept(asked, WAY, sealed, PENDING)})
            case "GET", path if path == BACK:
                pending = Pending.read(service.sessions.open(cookie(asked.headers, WAY), PENDING))
                token = SignIn(service.app.settings.oidc).finish(asked.query, pending, asked.origin + BACK)
                return begun(service, asked, token, pending.target)
            case _:
                return form(service, target)
    except PipelineError as error:
        return form(service, target, str(error))


def begun(service: Service, asked: Asking, credential: str, target: str) -> Reply:
    """The beginning of a session of who shows a good credential. Raises Unauthorized."""
    service.access.identify({**asked.headers, "authorization": f"Bearer {credential}"})
    sealed = service.sessions.seal(credential)
    return Reply(303, "text/plain", b"", {"location": target, **kept(asked, SESSION, sealed, LASTS)})


def form(service: Service, target: str, refused: str = "") -> Page:
    """The page that asks who it is."""
    issuer = f"/sign-in/issuer?{urlencode({'next': target})}" if service.app.settings.oidc.client_id else ""
    parts = {"issuer": issuer, "next": target, "refused": refused}
    return Page("sign_in.html", "Sign in", parts, (), 401 if refused else 200)


def unknown(path: str, error: Unauthorized, wants: str) -> Reply | None:
    """Where somebody unknown is sent who asks for a page; None where they ask for data."""
    del error
    return see_other(f"/sign-in?{urlencode({'next': local(path)})}") if wants == "html" else None


def local(target: str) -> str:
    """An address of this site: of no other, whatever it looks like."""
    plain = target.isascii() and target.isprintable()  # browsers leave tabs and new lines out of an address
    return target if plain and target.startswith("/") and not target.startswith(("//", "/\\")) else HOME


def kept(asked: Asking, name: str, value: str, seconds: int) -> dict[str, str]:
    """The header by which a browser keeps something of us, that no script reads and no other site sends."""
    secure = "; Secure" if asked.origin.startswith("https:") else ""
    return {"set-cookie": f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"}
