"""Access tokens: those of our issuer for us, in time, signed by a key that it publishes; nothing else."""

import base64
import json
import time
from collections.abc import Iterator
from threading import Thread

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from domain.errors import Malformed, Unavailable
from infra.identity.caller import Unauthorized
from infra.identity.tokens import AGE, REFRESH, IssuerKeys, Tokens
from infra.settings import Oidc
from tests.identity.issuer import Issuer, serving
from tests.offenders import every


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with serving() as issuer:
        issuer.add_key("first", "RS256")
        yield issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(issuer: Issuer, clock: Clock) -> Tokens:
    settings = Oidc(issuer=issuer.url, audience="dealtrail")
    return Tokens(settings, IssuerKeys(settings, clock))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_a_good_token_says_who_its_bearer_is(issuer: Issuer, tokens: Tokens, algorithm: str):
    issuer.add_key("another", algorithm)
    found = tokens.claims(issuer.token("another", roles=["rep", "boss"], scope="openid commands"))
    assert found.actor == found.subject == "u-1"
    assert (found.roles, found.owner, found.scopes) == ({"rep"}, "ana", {"openid", "commands"})


def test_claims_are_read_where_the_settings_say(issuer: Issuer):
    settings = Oidc(
        issuer=issuer.url, audience="dealtrail", actor_claim="employee", owner_claim="https://sales/name",
        roles_claim="realm_access.roles", scopes_claim="scp", roles="sales-rep=rep, team-lead=manager",
    )  # fmt: skip
    found = Tokens(settings).claims(
        issuer.token(
            employee="e-7", realm_access={"roles": ["sales-rep", "offline"]}, scp=["feed"], roles=["admin"],
            **{"https://sales/name": "ana"},
        )
    )  # fmt: skip
    assert (found.actor, found.roles, found.owner, found.scopes) == ("e-7", {"rep"}, "ana", {"feed"})


def test_a_role_claim_of_another_kind_gives_no_role(issuer: Issuer, tokens: Tokens):
    for odd in (7, {"rep": True}, [["rep"]], None):
        assert tokens.claims(issuer.token(roles=odd)).roles == frozenset()


def unsigned(claims: dict[str, object], header: dict[str, object]) -> str:
    parts = (base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=").decode() for each in (header, claims))
    return ".".join((*parts, ""))


@every("algorithm", ["none", "None", "NONE", "nOnE"])
def test_a_token_without_a_signature_is_refused(issuer: Issuer, tokens: Tokens, algorithm: str):
    with pytest.raises(Unauthorized, match="algorithm"):
        tokens.claims(unsigned(issuer.claims(), {"alg": algorithm, "typ": "JWT", "kid": "first"}))


def test_a_token_signed_with_the_public_key_as_a_secret_is_refused(issuer: Issuer, tokens: Tokens):
    import hmac
    from hashlib import sha256

    public = issuer.private["first"][1].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )  # fmt: skip
    body = unsigned(issuer.claims(), {"alg": "HS256", "typ": "JWT", "kid": "first"}).rstrip(".")
    signature = base64.urlsafe_b64encode(hmac.new(public, body.encode(), sha256).digest()).rstrip(b"=").decode()
    with pytest.raises(Unauthorized, match="algorithm"):
        tokens.claims(f"{body}.{signature}")


def test_a_key_serves_its_own_algorithm_alone(issuer: Issuer, tokens: Tokens):
    issuer.add_key("curve", "ES256")
    algorithm, private = issuer.private["curve"]
    forged = jwt.encode(issuer.claims(), private, algorithm, headers={"kid": "first"})
    with pytest.raises(Unauthorized, match="not that of the key"):
        tokens.claims(forged)


def test_an_algorithm_that_is_not_allowed_is_refused_though_the_key_is_good(issuer: Issuer):
    issuer.add_key("curve", "ES256")
    settings = Oidc(issuer=issuer.url, audience="dealtrail", algorithms="RS256")
    with pytest.raises(Unauthorized, match="not one of RS256"):
        Tokens(settings).claims(issuer.token("curve"))


@every(
    ("changed", "why"),
    [
        ({"aud": "another"}, "[Aa]udience"),
        ({"aud": ["another"]}, "[Aa]udience"),
        ({"aud": None}, "aud"),
        ({"iss": "https://evil.example"}, "[Ii]ssuer"),
        ({"iss": None}, "iss"),
        ({"exp": int(time.time()) - 60}, "expired"),
        ({"exp": None}, "exp"),
        ({"nbf": int(time.time()) + 3600}, "not yet valid"),
        ({"sub": None}, "sub"),
        ({"sub": 7}, "[Ss]ubject"),
        ({"sub": "a\nb"}, "cannot be printed"),
    ],
)
def test_a_token_for_others_or_another_time_is_refused(
    issuer: Issuer, tokens: Tokens, changed: dict[str, object], why: str
):
    with pytest.raises(Unauthorized, match=why):
        tokens.claims(issuer.token(**changed))


def test_clocks_may_differ_by_the_leeway(issuer: Issuer, tokens: Tokens):
    tokens.claims(issuer.token(exp=int(time.time()) - 20, nbf=int(time.time()) + 20))


@every("text", ["", "a.b.c", "a" * 20_000, "..", "\x00.\x00.\x00", "e30.e30.e30"])
def test_what_is_no_token_is_refused(tokens: Tokens, text: str):
    with pytest.raises(Unauthorized):
        tokens.claims(text)


def test_an_altered_token_is_refused(issuer: Issuer, tokens: Tokens):
    header, _, signature = issuer.token().split(".")
    raised = base64.urlsafe_b64encode(json.dumps(issuer.claims(roles=["admin"])).encode()).rstrip(b"=").decode()
    with pytest.raises(Unauthorized):
        tokens.claims(f"{header}.{raised}.{signature}")


def test_keys_are_fetched_once_and_again_when_a_token_names_a_new_one(issuer: Issuer, tokens: Tokens, clock: Clock):
    for _ in range(5):
        tokens.claims(issuer.token())
    assert issuer.calls.count("/keys") == 1
    issuer.add_key("second", "RS256")
    with pytest.raises(Unauthorized):
        tokens.claims(issuer.token("second"))
    clock.seconds += REFRESH + 1
    tokens.claims(issuer.token("second"))
    assert issuer.calls.count("/keys") == 2


def test_unknown_keys_do_not_make_us_ask_the_issuer_again_and_again(issuer: Issuer, tokens: Tokens, clock: Clock):
    tokens.claims(issuer.token())
    issuer.add_key("theirs", "RS256", published=False)
    for _ in range(50):
        clock.seconds += 1
        with pytest.raises(Unauthorized, match="does not publish"):
            tokens.claims(issuer.token("theirs"))
    assert issuer.calls.count("/keys") <= 1 + 50 / REFRESH


def test_a_key_that_is_withdrawn_opens_nothing_once_keys_are_looked_up_anew(
    issuer: Issuer, tokens: Tokens, clock: Clock
):
    token = issuer.token()
    tokens.claims(token)
    issuer.published.clear()
    issuer.add_key("second", "RS256")
    clock.seconds += AGE + 1
    with pytest.raises(Unauthorized, match="does not publish"):
        tokens.claims(token)


def test_an_issuer_that_is_down_is_not_the_callers_fault(issuer: Issuer, tokens: Tokens, clock: Clock):
    issuer.down = True
    with pytest.raises(Unavailable, match="does not answer"):
        tokens.claims(issuer.token())
    issuer.down = False
    with pytest.raises(Unavailable):
        tokens.claims(issuer.token())
    clock.seconds += REFRESH + 1
    tokens.claims(issuer.token())


def test_known_keys_are_used_while_the_issuer_is_down(issuer: Issuer, tokens: Tokens, clock: Clock):
    tokens.claims(issuer.token())
    issuer.down = True
    clock.seconds += 2 * AGE
    tokens.claims(issuer.token())
    clock.seconds += 25 * AGE
    with pytest.raises(Unavailable):
        tokens.claims(issuer.token())


@every(
    "document",
    [
        {"issuer": "https://evil.example", "jwks_uri": "https://evil.example/keys"},
        {"jwks_uri": "file:///etc/passwd"},
        {"issuer": "SAME", "jwks_uri": "file:///etc/passwd"},
        {"issuer": "SAME"},
        [],
        "http://127.0.0.1:1/elsewhere",
    ],
)
def test_an_issuer_that_sends_us_elsewhere_is_not_followed(issuer: Issuer, tokens: Tokens, document: object):
    if isinstance(document, dict) and document.get("issuer") == "SAME":
        document = {**document, "issuer": issuer.url}
    issuer.documents["/.well-known/openid-configuration"] = document
    with pytest.raises(Unavailable):
        tokens.claims(issuer.token())


@every(
    ("settings", "field"),
    [
        ({"issuer": "https://a.example"}, "oidc.audience"),
        ({"issuer": "http://a.example", "audience": "x"}, "oidc.issuer"),
        ({"issuer": "https://u:p@a.example", "audience": "x"}, "oidc.issuer"),
        ({"jwks_url": "ftp://a.example"}, "oidc.jwks_url"),
        ({"algorithms": "HS256"}, "oidc.algorithms"),
        ({"algorithms": "RS256,none"}, "oidc.algorithms"),
        ({"algorithms": " "}, "oidc.algorithms"),
        ({"roles": "rep"}, "oidc.roles"),
    ],
)
def test_settings_that_would_let_others_in_are_refused(settings: dict[str, str], field: str):
    with pytest.raises(Malformed, match=f"^{field}: "):
        Oidc(**settings)  # type: ignore[arg-type]


def test_whose_key_is_known_does_not_wait_for_who_asks_for_an_unknown_one(issuer: Issuer, tokens: Tokens, clock: Clock):
    tokens.claims(issuer.token())
    issuer.add_key("theirs", "RS256", published=False)
    forged, good = issuer.token("theirs"), issuer.token()
    clock.seconds += REFRESH + 1
    issuer.answering.clear()
    ended = list[str]()

    def ask() -> None:
        with pytest.raises(Unauthorized):
            tokens.claims(forged)
        ended.append("after the issuer answered")

    waiting = Thread(target=ask)
    waiting.start()
    while issuer.calls.count("/keys") < 1 or not tokens._keys._lock.locked():
        time.sleep(0.01)
    began = time.monotonic()
    for _ in range(20):
        tokens.claims(good)
    clock.seconds += AGE
    tokens.claims(good)
    assert time.monotonic() - began < 1 and ended == []
    with pytest.raises(Unavailable, match="just being fetched"):
        tokens.claims(forged)
    issuer.answering.set()
    waiting.join()
    assert ended
