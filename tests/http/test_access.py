"""Every role at every route, of one's own records, a team's, another's and nobody's: generated from the routes."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle
from typing import Any, NamedTuple

import httpx
import pytest

from domain import KINDS
from infra.control import open_control
from infra.http.limits import Limits
from infra.http.operations import Operation
from infra.http.serving import create
from infra.identity import policy
from infra.identity.audit import Audit
from infra.identity.caller import ROLES, SCOPES
from infra.identity.judge import Judge
from infra.identity.keys import Wanted, revoke
from infra.identity.keys import create as new_key
from infra.identity.tokens import Tokens
from infra.logs import logger
from infra.settings import Oidc
from infra.store.clock import now
from tests.http.site import EUR, Site, served
from tests.identity.issuer import serving
from tests.identity.test_judge import MAY

MANY = Limits(rate=10_000_000)
OPEN = frozenset({"healthz", "readyz"})
"""The operations that anybody may call."""
OWNERS = {"own": "ana", "team": "ben", "foreign": "dan", "nobody's": ""}
SEES = {"rep": {"own"}, "manager": {"own", "team"}, "auditor": {*OWNERS}, "service": {*OWNERS}}
"""Of which records the roles see any; a manager is cleo, so her own are hers."""


class Guarded(NamedTuple):
    """A service that lets nobody in unknown: its callers by name, and what it logged."""

    site: Site
    keys: dict[str, str]
    lines: io.StringIO
    judge: Judge

    def ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.keys.get(who, who)}"} if who else {}
        return self.site.client.request(method, path, headers={**headers, **more.pop("headers", {})}, **more)

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    folder = tmp_path_factory.mktemp("guarded")
    lines = io.StringIO()
    keys = dict[str, str]()

    class Late(Judge):
        """Judges once the installation is open."""

        def __init__(self) -> None: ...

    with serving() as issuer:
        issuer.add_key("first", "EdDSA")
        late = Late()
        with (
            served(f"sqlite:///{folder / 'log.db'}", folder, late, MANY) as site,
            closing(open_control(site.app.settings.db, site.app.log.identity())) as control,
        ):
            tokens = Tokens(Oidc(issuer=issuer.url, audience="dealtrail"))
            Judge.__init__(late, site.app, Audit(logger("json", lines)), control, tokens)
            for name, wanted in {
                "rep": Wanted("ana", ("rep",), "ana"), "manager": Wanted("cleo", ("manager",), "cleo"),
                "analyst": Wanted("al", ("analyst",)), "auditor": Wanted("au", ("auditor",)),
                "admin": Wanted("ad", ("admin",)), "service": Wanted("crm", ("service",), scopes=SCOPES),
                "reader": Wanted("bi", ("service",), scopes=("records",)),
            }.items():  # fmt: skip
                keys[name] = new_key(control, wanted, "boss", now())[0]
            keys["token"] = issuer.token()
            keys["no seller"] = issuer.token(owner=None, sub="dan")
            keys["late"] = issuer.token(exp=1)
            keys["other"] = issuer.token(aud="other")
            text, key = new_key(control, Wanted("x", ("admin",)), "boss", now())
            revoke(control, key.prefix, "boss", now())
            keys["revoked"] = text
            guarded = Guarded(site, keys, lines, late)
            prepared(guarded)
            yield guarded


def prepared(guarded: Guarded) -> None:
    """Teams, and a lead and a deal of everybody."""

    def post(path: str, **document: Any) -> None:
        answer = guarded.ask("service", "POST", path, json=document)
        assert answer.status_code in (200, 201), answer.text

    post("/v1/teams/team-south/change", name="South", manager="cleo", members=["ben"])
    for owner in ("ana", "ben", "cleo", "dan", ""):
        name = owner or "none"
        post(f"/v1/leads/lead-{name}/capture", source="web", owner=owner, name="Ada Lovelace", note="rang twice")
        post(f"/v1/opportunities/opportunity-{name}/open", process="process-standard", amount=EUR, owner=owner)


def operations(guarded: Guarded) -> list[Operation]:
    """Every route of the service."""
    return list(guarded.site.server.config.app.state.operations)  # type: ignore[union-attr]


def whose(role: str, of: str) -> str:
    """The seller whose record is, for a role, its own, or a team's, and so on."""
    return "cleo" if (role, of) == ("manager", "own") else OWNERS[of]


def requests(operation: Operation, role: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(of whom, path, rest) of what a role asks of a route: of each kind of record where records are somebody's."""
    more: dict[str, Any] = {"json": {}} if operation.body is not None else {}
    if needed := {each.name for each in operation.parameters if each.required and each.place == "query"}:
        more["params"] = dict.fromkeys(needed, "2026-01-01")
    path = operation.path.replace("{name}", "forbidden")
    if "{id}" not in path:
        yield "", path, more
        return
    noun = operation.target.kind
    if noun not in policy.OWNED:
        yield (
            "",
            path.replace("{id}", {"process": "process-standard", "team": "team-south"}.get(noun, f"{noun}-1")),
            more,
        )
        return
    for of in OWNERS:
        yield of, path.replace("{id}", f"{noun}-{whose(role, of) or 'none'}"), more


def allowed(operation: Operation, role: str) -> bool:
    """Whether a role may call a route at all, by the table that was written by hand."""
    target = operation.target
    if target.action in ("write", "configure") and not target.command:
        return role in ("rep", "manager", "admin", "service")
    action = "write" if target.action == "configure" else target.action
    single = f"write {target.command}"
    may = MAY[single] if single in MAY else MAY[f"{action} {target.kind}".strip()]
    return role == "service" or role in may


def test_every_route_has_a_policy_of_a_kind_that_its_target_names(guarded: Guarded):
    routes = operations(guarded)
    assert len(routes) > 100
    for operation in routes:
        assert policy.policy_of(operation.target), operation.name
        if operation.target.command:
            assert (
                operation.target.kind
                in KINDS[next(c for c in KINDS if c.__struct_config__.tag == operation.target.command)]
            )
        if "{id}" in operation.path:
            assert operation.target.kind, f"{operation.name}: of which kind of stream is it?"


@pytest.mark.parametrize("role", ROLES)
def test_every_route_answers_a_role_as_the_table_says_of_each_ones_records(guarded: Guarded, role: str):
    wrong = list[str]()
    for operation in operations(guarded):
        if operation.name == "stream" or operation.media_type == "text/event-stream":
            continue
        for of, path, more in requests(operation, role):
            opens = of and operation.target.command in ("capture-lead", "open-opportunity")
            status = guarded.ask(role, operation.method, path, **more).status_code
            if not allowed(operation, role):
                fine = status == 403
            elif of and of not in SEES.get(role, set()):
                fine = status == 404
            else:
                fine = status in (200, 201, 204, 400, 404 if not of else 200, 409, 415, 422) or (
                    opens and status == 409
                )
            if not fine:
                wrong.append(f"{role} {operation.method} {path} ({of}): {status}")
    assert not wrong, "\n".join(wrong[:40])


def test_no_route_answers_who_is_unknown(guarded: Guarded):
    strangers = cycle(("revoked", "late", "other", "dtk_000000000000_" + "A" * 43, "nonsense"))
    for operation in operations(guarded):
        for who in ("", next(strangers)):
            _, path, more = next(requests(operation, "rep"))
            answer = guarded.ask(who, operation.method, path, **more)
            if operation.name in OPEN:
                assert answer.status_code not in (401, 403)
                continue
            assert answer.status_code == 401, (who, operation.name, answer.text)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["type"].endswith("unauthorized")


def test_a_token_is_as_good_as_a_key(guarded: Guarded):
    assert guarded.ask("token", "GET", "/v1/leads/lead-ana/timeline").status_code == 200
    assert guarded.ask("token", "GET", "/v1/leads/lead-ben/timeline").status_code == 404


# What is named in a body


@pytest.mark.parametrize(
    "field", ["actor", "position", "version", "recorded_at", "command_id", "event_id", "causation_id", "stream"]
)
def test_nobody_assigns_what_is_not_theirs_to_say(guarded: Guarded, field: str):
    before = guarded.site.app.log.head()
    for path, document in (
        ("/v1/leads", {"source": "web", field: "x"}),
        ("/v1/leads", {"source": "web", "envelope": {field: "x"}}),
        ("/v1/leads/lead-ana/contact", {"channel": "call", "contact": "c-1", field: 7}),
        ("/v1/leads/lead-ana/contact", {"channel": "call", "contact": "c-1", "envelope": {field: 7}}),
    ):
        answer = guarded.ask("rep", "POST", path, json=document)
        assert answer.status_code == 422 and field in answer.json()["detail"], answer.text
    assert guarded.site.app.log.head() == before


def test_the_actor_is_who_is_authenticated(guarded: Guarded):
    answer = guarded.ask("rep", "POST", "/v1/leads", json={"source": "web", "envelope": {"on_behalf_of": "boss"}})
    [recorded] = guarded.site.app.log.recorded(answer.json()["position"] - 1, 1)
    assert (recorded.actor, recorded.on_behalf_of) == ("ana", "boss")
    assert recorded.event.owner == "ana", "a new record is its rep's"  # type: ignore[attr-defined]
    answer = guarded.ask("rep", "POST", "/v1/leads", json={"source": "web", "owner": "dan"})
    assert answer.status_code == 403 and answer.json()["field"] == "owner"


def test_bulk_judges_each_command_by_itself(guarded: Guarded):
    commands = [
        {"command": "contact-lead", "stream": "lead-ana", "fields": {"channel": "call", "contact": "c-1"}},
        {"command": "contact-lead", "stream": "lead-dan", "fields": {"channel": "call", "contact": "c-1"}},
        {"command": "merge-lead", "stream": "lead-ana", "fields": {"survivor": "lead-dan"}},
        {
            "command": "set-quota",
            "stream": "quota-1",
            "fields": {"holder": "ana", "start": "2026-01-01", "end": "2026-03-31", "amount": EUR},
        },
        {"command": "capture-lead", "fields": {"source": "web", "owner": "dan"}},
    ]
    before = guarded.site.app.log.head()
    answer = guarded.ask("rep", "POST", "/v1/bulk", json={"commands": commands})
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    assert [each["ok"] for each in results] == [True, False, False, False, False]
    kinds = [each["problem"]["type"].rpartition("/")[2] for each in results[1:]]
    assert kinds == ["not-found", "not-found", "forbidden", "forbidden"]
    assert guarded.site.app.log.head() == before + 1
    [recorded] = guarded.site.app.log.recorded(before, 1)
    assert recorded.actor == "ana"
    answer = guarded.ask("rep", "POST", "/v1/bulk", json={"commands": [{**commands[0], "actor": "boss"}]})
    assert answer.status_code == 422


# At any time


def test_who_owned_a_record_then_does_not_see_it_as_of_then(guarded: Guarded):
    answer = guarded.ask("rep", "POST", "/v1/leads", json={"source": "web"})
    stream, position = answer.json()["stream"], answer.json()["position"]
    assert guarded.ask("rep", "GET", f"/v1/leads/{stream}/timeline").status_code == 200
    guarded.ask("rep", "POST", f"/v1/leads/{stream}/assign", json={"owner": "dan"})
    before = len(guarded.logged())
    for query in ({}, {"known_at": str(position)}, {"effective_at": "2020-01-01T00:00:00Z"}):
        answer = guarded.ask("rep", "GET", f"/v1/leads/{stream}/timeline", params=query)
        assert answer.status_code == 404
    lines = guarded.logged()[before:]
    assert [(line["decision"], line["actor"], line["stream"]) for line in lines] == [("refused", "ana", stream)] * 3
    assert (
        guarded.ask(
            "rep", "POST", f"/v1/leads/{stream}/contact", json={"channel": "call", "contact": "c-1"}
        ).status_code
        == 404
    )


@pytest.mark.parametrize("path", ["/v1/metrics/board", "/v1/metrics/board/explanation"])
def test_figures_of_others_are_refused_and_ones_own_lead_into_ones_own(guarded: Guarded, path: str):
    for role, query in (
        ("rep", {"owner": "dan"}), ("rep", {"owner": ""}),
        ("manager", {"owner": "dan"}), ("manager", {"team": "team-x"}),
    ):  # fmt: skip
        answer = guarded.ask(role, "GET", path, params=query)
        assert answer.status_code == 403, (role, query, answer.text)
    for role in ("rep", "manager", "analyst", "auditor"):
        assert guarded.ask(role, "GET", path).status_code == 200


def test_rows_behind_a_figure_are_those_that_one_may_see(guarded: Guarded):
    def rows(role: str) -> set[str]:
        answer = guarded.ask(role, "GET", "/v1/metrics/board/explanation")
        return {name for name in ("ana", "ben", "cleo", "dan", "none") if f"opportunity-{name}" in answer.text}

    assert rows("rep") == {"ana"}
    assert rows("manager") == {"ben"}
    assert rows("analyst") == set()
    assert rows("auditor") == {"ana", "ben", "cleo", "dan", "none"}


# What is personal


def test_personal_texts_are_masked_for_who_may_not_read_them_and_reads_are_logged(guarded: Guarded):
    for who, clear in (("rep", True), ("service", True), ("auditor", False), ("reader", False)):
        before = len(guarded.logged())
        answer = guarded.ask(who, "GET", "/v1/leads/lead-ana/timeline")
        assert answer.status_code == 200
        assert ("Ada Lovelace" in answer.text) == clear, who
        assert ("[masked]" in answer.text) != clear, who
        logged = [line["decision"] for line in guarded.logged()[before:]]
        assert logged == (["personal data read"] if clear else [])
        assert answer.headers["cache-control"] == "no-store"
    for who in ("auditor", "reader", "analyst"):
        for path in ("/v1/metrics/lead-funnel/explanation", "/v1/metrics/board/explanation", "/v1/events"):
            answer = guarded.ask(who, "GET", path)
            assert "Ada" not in answer.text and "rang" not in answer.text, (who, path)
    assert "Ada" not in guarded.lines.getvalue() and "rang" not in guarded.lines.getvalue()


def test_the_application_without_access_is_this_machines_alone(guarded: Guarded):
    site = create(guarded.site.app)
    assert "loopback" in site.state.service.access.describe()


def test_the_trace_of_a_call_is_the_conversation_of_its_facts_where_none_is_named(guarded: Guarded):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    for envelope, conversation in (({}, trace), ({"correlation_id": "run-1"}, "run-1")):
        document = {"source": "web", "envelope": envelope}
        answer = guarded.ask("rep", "POST", "/v1/leads", json=document, headers=headers)
        [recorded] = guarded.site.app.log.recorded(answer.json()["position"] - 1, 1)
        assert recorded.correlation_id == conversation
    answer = guarded.ask("rep", "POST", "/v1/leads", json={"source": "web"}, headers={"traceparent": "no"})
    [recorded] = guarded.site.app.log.recorded(answer.json()["position"] - 1, 1)
    assert recorded.correlation_id == ""


def test_who_has_an_address_already_is_said_to_who_sees_them(guarded: Guarded):
    stream = guarded.ask("service", "POST", "/v1/leads", json={"source": "web", "owner": "dan", "email": "g@h.example"})
    other = stream.json()["stream"]
    lead = {"source": "web", "email": "G@h.example"}
    for who, told in (("rep", False), ("manager", False), ("service", True)):
        one = guarded.ask(who, "POST", "/v1/leads", json=lead)
        several = guarded.ask(who, "POST", "/v1/bulk", json={"commands": [{"command": "capture-lead", "fields": lead}]})
        for answer in (one.json(), several.json()["results"][0]["done"]):
            assert any(other in text for text in answer["warnings"]) == told, (who, answer)
    assert "already" in guarded.ask("rep", "POST", "/v1/leads", json=lead).json()["warnings"][0], "of one's own, it is"


# Lists


@pytest.mark.parametrize("path", ["/v1/leads", "/v1/opportunities"])
def test_lists_hold_what_one_sees_at_whatever_moment_and_count_nothing_else(guarded: Guarded, path: str):
    # those of whom every role asked everything may be closed by now
    whole = {} if path == "/v1/leads" else {"status": ["open", "won", "lost", "merged", "deleted"]}

    def listed(role: str, **query: str) -> set[str]:
        answer = guarded.ask(role, "GET", path, params={"limit": 200, **whole, **query})
        assert answer.status_code == 200, answer.text
        return {row["owner"] for row in answer.json()["rows"]}

    moments = ({}, {"known_at": str(guarded.site.app.log.head())}, {"effective_at": "2026-10-01T00:00:00Z"})
    for query in (*moments, {"view": "mine"}):
        assert listed("rep", **query) <= {"ana"}
        assert listed("manager", **query) <= {"ben", "cleo"}
    assert listed("rep") == {"ana"} and listed("manager") == {"ben", "cleo"}
    assert listed("auditor") == listed("service") >= {"ana", "ben", "cleo", "dan", ""}
    own = guarded.ask("rep", "GET", path, params={"totals": "yes", **whole}).json()
    assert own["count"] == len({row["stream"] for row in own["rows"]})
    before = len(guarded.logged())
    for role, owner in (("rep", "dan"), ("rep", ""), ("manager", "ana")):
        assert guarded.ask(role, "GET", path, params={"owner": owner}).status_code == 403, (role, owner)
    assert [line["decision"] for line in guarded.logged()[before:]] == ["refused"] * 3


def test_who_is_no_seller_lists_nothing_not_even_what_nobody_owns(guarded: Guarded):
    for path in ("/v1/leads", "/v1/opportunities"):
        for query in ({}, {"view": "mine"}, {"known_at": "1"}):
            assert guarded.ask("no seller", "GET", path, params=query).status_code == 403
    assert guarded.ask("no seller", "GET", "/v1/leads/lead-none").status_code == 404
    assert guarded.ask("no seller", "GET", "/v1/metrics/board").status_code == 403


def test_lists_and_records_are_masked_like_timelines(guarded: Guarded):
    for path in ("/v1/leads?limit=200", "/v1/leads/lead-ana"):
        for who, clear in (("rep", True), ("auditor", False), ("reader", False)):
            text = guarded.ask(who, "GET", path).text
            assert ("Ada Lovelace" in text) <= clear, (who, path)


@pytest.mark.parametrize("kind", ["lead", "opportunity"])
def test_exports_hold_what_one_sees(guarded: Guarded, kind: str):
    whole = {} if kind == "lead" else {"status": ["open", "won", "lost", "merged", "deleted"]}
    path = {"lead": "/v1/exports/leads", "opportunity": "/v1/exports/opportunities"}[kind]
    for role, theirs in (("rep", {"ana"}), ("manager", {"ben", "cleo"}), ("auditor", {"ana", "ben", "cleo", "dan"})):
        for moment in ({}, {"known_at": str(guarded.site.app.log.head())}):
            text = guarded.ask(role, "GET", path, params={"format": "jsonl", **whole, **moment}).text
            owners = {json.loads(line)["owner"] for line in text.splitlines()} - {""}
            assert owners == theirs, (role, moment)
    assert "Ada" not in guarded.ask("auditor", "GET", path, params=whole).text


def test_a_service_sees_its_own_webhooks_and_an_admin_all(guarded: Guarded):
    document = {"url": "https://localhost:1/", "types": ["fx-rate-set"]}
    names = dict[str, str]()
    for who in ("service", "admin"):
        answer = guarded.ask(who, "POST", "/v1/webhooks", json=document)
        assert answer.status_code == 201, answer.text
        names[who] = answer.json()["id"]
    assert {each["id"] for each in guarded.ask("admin", "GET", "/v1/webhooks").json()} >= {*names.values()}
    assert [each["id"] for each in guarded.ask("service", "GET", "/v1/webhooks").json()] == [names["service"]]
    theirs = f"/v1/webhooks/{names['admin']}"
    for method, path in (("GET", theirs), ("DELETE", theirs), ("POST", f"{theirs}/resume")):
        assert guarded.ask("service", method, path).status_code == 404, path
    assert guarded.ask("service", "POST", f"{theirs}/replay", json={"after": 0}).status_code == 404
    for who in ("rep", "manager", "analyst", "auditor", "reader"):
        assert guarded.ask(who, "POST", "/v1/webhooks", json=document).status_code == 403, who
        assert guarded.ask(who, "DELETE", theirs).status_code == 403, who
    for who, name in names.items():
        assert guarded.ask(who, "DELETE", f"/v1/webhooks/{name}").status_code == 204
