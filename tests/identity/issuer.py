"""An issuer of our own: a small server on this machine that publishes its keys, and signs what a test wants signed."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

MAKERS: dict[str, tuple[Callable[[], Any], Any]] = {
    "RS256": (lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048), RSAAlgorithm),
    "ES256": (lambda: ec.generate_private_key(ec.SECP256R1()), ECAlgorithm),
    "EdDSA": (ed25519.Ed25519PrivateKey.generate, OKPAlgorithm),
}
ENDPOINTS = (("authorization", "authorize"), ("token", "token"))


@cache
def key_pair(kid: str, algorithm: str) -> Any:
    """A private key of an id; making one takes its time."""
    return MAKERS[algorithm][0]()


class Issuer:
    """Keys by id, and what was asked of it. `down`: it hangs up on whoever asks; not `answering`: they wait."""

    def __init__(self) -> None:
        self.url, self.down, self.calls = "", False, list[str]()
        self.answering = threading.Event()
        self.answering.set()
        self.private: dict[str, tuple[str, Any]] = {}
        self.published: dict[str, dict[str, Any]] = {}
        self.documents: dict[str, Any] = {}
        self.queries: dict[str, Callable[[str], Any]] = {}
        self.forms: dict[str, Callable[[str], Any]] = {}

    def add_key(self, kid: str, algorithm: str, published: bool = True) -> None:
        kind = MAKERS[algorithm][1]
        private = key_pair(kid, algorithm)
        self.private[kid] = algorithm, private
        if published:
            jwk = kind.to_jwk(private.public_key(), as_dict=True)
            self.published[kid] = {**jwk, "kid": kid, "use": "sig", "alg": algorithm}

    def claims(self, **changed: Any) -> dict[str, Any]:
        now = int(time.time())
        claims = {
            "iss": self.url, "aud": "dealtrail", "sub": "u-1", "exp": now + 600, "iat": now, "nbf": now,
            "roles": ["rep"], "owner": "ana",
        }  # fmt: skip
        claims |= changed
        return {name: value for name, value in claims.items() if value is not None}

    def token(self, kid: str = "", headers: dict[str, Any] | None = None, **changed: Any) -> str:
        kid = kid or next(iter(self.private))
        algorithm, private = self.private[kid]
        return jwt.encode(self.claims(**changed), private, algorithm, headers={"kid": kid, **(headers or {})})

    def answer(self, path: str) -> Any:
        self.calls.append(path)
        if path in self.documents:
            return self.documents[path]
        if path == "/.well-known/openid-configuration":
            ends = {f"{name}_endpoint": f"{self.url}/{path}" for name, path in ENDPOINTS}
            return {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **ends}
        name, _, query = path.partition("?")
        if name in self.queries:
            return self.queries[name](query)
        return {"keys": list(self.published.values())} if path == "/keys" else None


@contextmanager
def serving() -> Iterator[Issuer]:
    """The issuer while it is reached on this machine."""
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self.send(issuer.forms[self.path](form))

        def do_GET(self) -> None:
            issuer.answering.wait(30)
            if issuer.down:
                self.close_connection = True
                return
            self.send(issuer.answer(self.path))

        def send(self, document: Any) -> None:
            if isinstance(document, str):
                self.send_response(302)
                self.send_header("Location", document)
                self.end_headers()
                return
            body = json.dumps(document).encode()
            self.send_response(200 if document is not None else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    issuer.url = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()
