"""Signing in: by a key, and through an issuer; and what a session may not do."""

import base64
import hashlib
import io
import re
import threading
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, expect

from domain.errors import Malformed
from domain.opportunity import OpenOpportunity
from domain.opportunity.follow_up import ScheduleActivity
from domain.opportunity.judgement import ChangeSplits, Share
from domain.opportunity.terms import ChangeAccount, ChangeOwner
from domain.recorded import Request, instant
from domain.reference.team import ChangeTeam
from infra.application.app import App, opened
from infra.control import open_control
from infra.http.limits import Limits
from infra.http.server import server
from infra.http.signing_in import Asking, kept
from infra.identity.keys import Wanted
from infra.identity.keys import create as new_key
from infra.identity.opening import judging
from infra.logs import logger
from infra.settings import Oidc, Service, Settings
from infra.store.clock import now
from projections import METRICS
from projections.versions import DAY
from tests.desk import eur
from tests.http.site import served
from tests.identity.issuer import Issuer, serving
from tests.offenders import every
from tests.projections.test_parked import unreadable
from tests.web.browsing import form_token, person


class Guarded(NamedTuple):
    """A service that lets nobody in unknown, with the keys of its callers, and its issuer."""

    url: str
    app: App
    keys: dict[str, str]
    issuer: Issuer


class Codes:
    """The part of an issuer that people see: it asks nobody, and gives a code that its token costs."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer, self.asked = issuer, dict[str, dict[str, str]]()

    def authorize(self, query: str) -> str:
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def token(self, form: str) -> dict[str, Any] | None:
        given = {name: values[0] for name, values in parse_qs(form).items()}
        asked = self.asked.pop(given["code"], None)  # a code does once
        digest = (
            base64.urlsafe_b64encode(hashlib.sha256(given["code_verifier"].encode()).digest()).rstrip(b"=").decode()
        )
        if asked is None or digest != asked["code_challenge"] or given["redirect_uri"] != asked["redirect_uri"]:
            return None
        return {"access_token": self.issuer.token(sub="ana", roles=["rep"], owner="ana"), "token_type": "Bearer"}


def bearer(guarded: Guarded, who: str) -> dict[str, str]:
    return {"authorization": f"Bearer {guarded.keys[who]}"}


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    with serving() as issuer:
        issuer.add_key("first", "EdDSA")
        codes = Codes(issuer)
        issuer.forms["/token"] = codes.token
        issuer.queries["/authorize"] = codes.authorize
        settings = Settings(
            db=f"sqlite:///{tmp_path / 'log.db'}", key_file=str(tmp_path / "key"), actor="boss",
            service=Service(keys=True), oidc=Oidc(issuer=issuer.url, audience="dealtrail", client_id="pages"),
        )  # fmt: skip
        lines = logger("json", io.StringIO())
        with opened(settings) as app, judging(app, lines) as access:
            with closing(open_control(settings.db, app.log.identity())) as control:
                keys = {
                    name: new_key(control, wanted, "boss", now())[0]
                    for name, wanted in {
                        "rep": Wanted("ana", ("rep",), "ana"),
                        "admin": Wanted("ad", ("admin",)),
                        "auditor": Wanted("au", ("auditor",)),
                        "manager": Wanted("cleo", ("manager",), "cleo"),
                    }.items()
                }
            ready, place = threading.Event(), list[str]()

            def begun(url: str) -> None:
                place.append(url.replace("127.0.0.1", "localhost"))
                ready.set()

            running, listening = server(app, "127.0.0.1", 0, access, Limits(), begun, lines)
            thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]})
            thread.start()
            try:
                assert ready.wait(20)
                yield Guarded(place[0], app, keys, issuer)
            finally:
                running.stop()
                thread.join(20)
                listening.close()


def test_who_is_unknown_is_asked_who_they_are_and_comes_back_to_their_page(chromium: Browser, guarded: Guarded) -> None:
    with person(chromium, guarded.url) as page:
        page.goto("/inbox")
        page.wait_for_url("**/sign-in?next=%2Finbox")
        page.get_by_label("API key").fill(guarded.keys["rep"])
        page.get_by_role("button", name="Sign in with the key").click()
        page.wait_for_url("**/inbox")
        expect(page.locator(".who")).to_contain_text("ana")
        page.get_by_role("button", name="Sign out").click()
        page.wait_for_url("**/sign-in")
        page.goto("/board")
        page.wait_for_url("**/sign-in?next=%2Fboard")


def test_a_wrong_key_opens_nothing_and_says_so(chromium: Browser, guarded: Guarded) -> None:
    with person(chromium, guarded.url) as page:
        page.goto("/sign-in")
        page.get_by_label("API key").fill("dt_nothing_of_the_kind")
        page.get_by_role("button", name="Sign in with the key").click()
        expect(page.get_by_role("alert")).to_be_visible()
        assert not [each for each in page.context.cookies() if each["name"] == "dealtrail_session"]


def test_an_issuer_signs_somebody_in_by_a_code_that_only_this_browser_can_use(
    chromium: Browser, guarded: Guarded
) -> None:
    context = chromium.new_context(base_url=guarded.url)
    page = context.new_page()
    page.goto("/opportunities")
    page.get_by_role("link", name="Sign in with your account").click()
    page.wait_for_url("**/opportunities")
    expect(page.locator(".who")).to_contain_text("ana")
    [session] = [each for each in context.cookies() if each["name"] == "dealtrail_session"]
    assert session["httpOnly"] and session["sameSite"] == "Lax"  # type: ignore[typeddict-item]
    context.close()


def test_an_answer_of_the_issuer_to_another_sign_in_is_refused(guarded: Guarded) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        begun = client.get("/sign-in/issuer")
        state = parse_qs(urlsplit(begun.headers["location"]).query)["state"][0]
        assert client.get("/sign-in/back", params={"code": "code-0", "state": "mine"}).status_code == 401
        with httpx.Client(base_url=guarded.url) as other:  # without the cookie of whoever began
            assert other.get("/sign-in/back", params={"code": "code-0", "state": state}).status_code == 401


def test_a_session_that_we_did_not_seal_opens_nothing(guarded: Guarded) -> None:
    answer = httpx.get(f"{guarded.url}/board", cookies={"dealtrail_session": "gAAAAABforged"}, follow_redirects=False)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
    data = httpx.get(f"{guarded.url}/board", headers={"accept": "application/json"})
    assert data.status_code == 401


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/\n/evil.example",
        "/x\nset-cookie: a=b",
        "/\u20ac",
    ],
)
def test_a_sign_in_leads_to_no_other_site(guarded: Guarded, target: str) -> None:
    with httpx.Client(base_url=guarded.url) as client:
        client.get("/sign-in")
        form = {"key": guarded.keys["rep"], "next": target, "token": form_token(client)}
        answer = client.post("/sign-in", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_a_cookie_that_no_page_gave_is_replaced(guarded: Guarded) -> None:
    answer = httpx.get(f"{guarded.url}/sign-in", headers={"cookie": 'dealtrail_form="' + r"\351\015\012" * 30 + '"'})
    assert answer.status_code == 200 and answer.headers["set-cookie"].startswith("dealtrail_form=")


def test_a_seller_sees_their_own_deals_alone(guarded: Guarded) -> None:
    for owner in ("ana", "ben"):
        opening = OpenOpportunity("process-standard", eur("100"), account=f"Firm of {owner}", owner=owner)
        guarded.app.execute(Request(stream=f"opportunity-{owner}", command=opening, actor="boss"))
    seller = {"authorization": f"Bearer {guarded.keys['rep']}"}
    with httpx.Client(base_url=guarded.url, headers=seller) as client:
        for address in ("/board", "/opportunities", "/inbox", "/search?q=Firm"):
            text = client.get(address).text
            assert "Firm of ben" not in text and "opportunity-ben" not in text, address
        assert "Firm of ana" in client.get("/board").text
        assert client.get("/opportunities/opportunity-ben").status_code == 404
        assert client.get("/opportunities/opportunity-ben/move").status_code == 404
        assert client.get("/opportunities?owner=ben").status_code == 403
        token = form_token(client)
        moved = client.post("/board/move", data={"to": "proposal", "chosen": "opportunity-ben:1", "token": token},
                            headers={"accept": "application/json"})  # fmt: skip
        assert moved.status_code == 404
    assert guarded.app.record("opportunity", "opportunity-ben", {}).stage == "discovery"  # type: ignore[attr-defined]


def test_a_seller_hears_of_what_they_see_alone(guarded: Guarded) -> None:
    for owner in ("ben", "ana"):
        opening = OpenOpportunity("process-standard", eur("100"), account=f"Firm of {owner}", owner=owner)
        guarded.app.execute(Request(stream=f"opportunity-{owner}", command=opening, actor="boss"))
    heard = dict[str, str]()
    for who in ("rep", "auditor"):
        headers = {"authorization": f"Bearer {guarded.keys[who]}"}
        with httpx.stream("GET", f"{guarded.url}/live?after=0", headers=headers, timeout=20) as news:
            heard[who] = next(line for line in news.iter_lines() if line.startswith("data:"))
    assert "opportunity-ana" in heard["rep"] and "opportunity-ben" not in heard["rep"]
    assert "opportunity-ana" in heard["auditor"] and "opportunity-ben" in heard["auditor"]


def test_a_seller_learns_nothing_more_of_a_deal_that_was_theirs(guarded: Guarded) -> None:
    """Neither of one that is another's by now, nor of one of which they have a part alone; a year ago they had all."""
    given, kept, shared = ("opportunity-1", "opportunity-2"), ("opportunity-0", "opportunity-3"), "opportunity-9"
    began = now() - 365 * DAY

    def do(stream: str, command: Any, at: int) -> None:
        request = Request(stream=stream, command=command, actor="boss", occurred_at=instant(at))
        guarded.app.execute(request)

    do("team-a", ChangeTeam("A", manager="cleo", members=("ana",)), began)
    for stream in (*given, *kept, shared):
        opening = OpenOpportunity(
            "process-standard", eur("1234"), account="Firm of ana", owner="ana", close_date=instant(began).date()
        )
        do(stream, opening, began)
        do(stream, ScheduleActivity("a-1", "call", instant(began).date()), began)
    then = guarded.app.log.head()
    for stream in (*given, shared):
        do(stream, ChangeOwner("ben"), now())
        do(stream, ChangeAccount("Firm of ben"), now())
    do(shared, ChangeSplits((Share("ana", Decimal("0.5")), Share("ben", Decimal("0.5")))), now())
    moments: list[dict[str, Any]] = [{}, {"known_at": then}, {"effective_at": str(instant(began + DAY).date())}]
    period = {"since": "2020-01-01", "until": "today"}
    for who in ("rep", "manager"):
        with httpx.Client(base_url=guarded.url, headers=bearer(guarded, who), timeout=60) as client:
            pages = [f"/{name}" for name in ("inbox", "opportunities", "board", "figures/follow-up")]
            pages += [f"{name}/{end}" for name in ("/figures/ageing", "/figures/hygiene") for end in ("", "behind")]
            pages += [f"/v1/metrics/{name}{end}" for name in METRICS for end in ("", "/explanation")]
            for moment in moments:
                for page in pages:
                    answer = client.get(page.rstrip("/"), params=moment)
                    if answer.status_code == 422:
                        answer = client.get(page.rstrip("/"), params=moment | period)
                    assert answer.status_code == 200, (page, answer.text)
                    assert not any(each in answer.text for each in (*given, shared, "Firm of ben")), (who, page, moment)
                queue = client.get("/v1/metrics/follow-up", params=moment).json()
                assert {row["stream"] for row in queue["rows"]} == {*kept}
                assert queue["left_out"] == {"not yours to see": 1 if not moment else 3}
                first = client.get("/v1/opportunities", params={**moment, "limit": 1, "sort": "stream"}).json()
                following = client.get(
                    "/v1/opportunities", params={"cursor": first["next"], "limit": 1, "sort": "stream"}
                ).json()
                assert [row["stream"] for each in (first, following) for row in each["rows"]] == [*kept]
                assert first["count"] == following["count"] == 2 and following["next"] is None
                assert kept[0] in str(base64.urlsafe_b64decode(first["next"] + "=="))


def test_a_move_that_is_sent_again_is_answered_as_the_first_time(guarded: Guarded) -> None:
    opening = OpenOpportunity("process-standard", eur("100"), account="Firm of ana", owner="ana")
    guarded.app.execute(Request(stream="opportunity-ana", command=opening, actor="boss"))
    seller = {"authorization": f"Bearer {guarded.keys['rep']}"}
    with httpx.Client(base_url=guarded.url, headers=seller) as client:
        path, key = "/v1/opportunities/opportunity-ana/change-stage?seen=1", {"idempotency-key": "one"}
        first, again = (client.post(path, json={"to": "proposal"}, headers=key) for _ in range(2))
        assert (first.status_code, again.status_code) == (200, 200), again.text
        assert again.json()["repeated"] and again.json()["facts"] == first.json()["facts"]
        assert client.post(path, json={"to": "negotiation"}).status_code == 409  # who saw nothing of it is still told
        assert client.post(path.replace("=1", "=9"), json={"to": "negotiation"}).status_code == 409
        form = {"text": "call", "seen": "2", "command_id": "two", "token": form_token(client)}
        sent = [client.post("/opportunities/opportunity-ana/set-next-step", data=form).status_code for _ in range(2)]
        assert sent == [303, 303]


def test_a_seller_who_has_nothing_yet_sees_empty_pages_and_lists(guarded: Guarded) -> None:
    seller = {"authorization": f"Bearer {guarded.keys['rep']}"}
    with httpx.Client(base_url=guarded.url, headers=seller) as client:
        for address in (
            "/board", "/opportunities", "/leads", "/inbox", "/compare", "/figures/board", "/figures/board/behind",
            "/v1/opportunities", "/v1/leads", "/v1/metrics/board", "/v1/metrics/board/explanation",
            "/v1/differences?from=this-month&to=now",
        ):  # fmt: skip
            assert client.get(address).status_code == 200, address


def test_who_leads_two_teams_looks_at_one_of_them_at_a_time(guarded: Guarded) -> None:
    for team, seller in (("team-a", "ana"), ("team-b", "ben")):
        command = ChangeTeam(team, manager="cleo", members=(seller,))
        guarded.app.execute(Request(stream=team, command=command, actor="boss"))
        opening = OpenOpportunity("process-standard", eur("100"), account=f"Firm of {seller}", owner=seller)
        guarded.app.execute(Request(stream=f"opportunity-{seller}", command=opening, actor="boss"))
    with httpx.Client(base_url=guarded.url, headers={"authorization": f"Bearer {guarded.keys['manager']}"}) as client:
        for address in ("/board", "/inbox", "/figures/board", "/compare"):
            assert client.get(address).status_code == 200, address
        assert "Firm of ana" in client.get("/board").text and "Firm of ben" not in client.get("/board").text
        other = client.get("/board?team=team-b").text
        assert "Firm of ben" in other and "Firm of ana" not in other
        assert client.get("/board?team=team-c").status_code == 403


def test_a_reader_who_asks_too_much_is_told_when_to_come_back(sqlite_url: str, tmp_path: Path) -> None:
    with served(sqlite_url, tmp_path, limits=Limits(rate=3)) as site:
        answers = [site.client.get("/ui") for _ in range(4)]
        assert [each.status_code for each in answers] == [200, 200, 200, 429]
        assert answers[-1].headers["retry-after"]


def test_who_configures_works_on_no_deal(guarded: Guarded) -> None:
    admin = {"authorization": f"Bearer {guarded.keys['admin']}"}
    with httpx.Client(base_url=guarded.url, headers=admin) as client:
        assert "/new/team/change-team" in client.get("/settings").text
        assert client.get("/streams/team-nobody").status_code == 404
        assert client.get("/board").status_code == 403
        assert client.get("/operations").status_code == 200


def test_who_may_not_read_names_finds_none_on_any_page(guarded: Guarded) -> None:
    opening = OpenOpportunity("process-standard", eur("100"), name="Boats for Ada Lovelace", owner="ana", note="rang")
    guarded.app.execute(Request(stream="opportunity-ada", command=opening, actor="boss"))
    auditor = {"authorization": f"Bearer {guarded.keys['auditor']}"}
    with httpx.Client(base_url=guarded.url, headers=auditor) as client:
        for address in (
            "/board", "/board?format=json", "/board/cards?pipeline=process-standard&stage=discovery", "/inbox",
            "/opportunities", "/opportunities/opportunity-ada", "/opportunities/opportunity-ada?view=raw",
            "/opportunities/opportunity-ada?format=json", "/search?q=Lovelace", "/figures/board/behind?row=0",
        ):  # fmt: skip
            answer = client.get(address)
            assert answer.status_code == 200, (address, answer.text[:200])
            repeated = answer.text.replace('value="Lovelace"', "").replace("q=Lovelace", "")
            assert "Lovelace" not in repeated, address
    with httpx.Client(base_url=guarded.url, headers={"authorization": f"Bearer {guarded.keys['rep']}"}) as client:
        assert "Boats for Ada Lovelace" in client.get("/board").text


def test_settings_list_no_kind_of_record_that_a_role_does_not_read(guarded: Guarded) -> None:
    from domain.opportunity import OpenOpportunity
    from domain.opportunity.closing import WinOpportunity
    from domain.recorded import Request
    from tests.desk import eur

    opening = OpenOpportunity("process-standard", eur("100"), account="Firm of ben", owner="ben")
    for command in (opening, WinOpportunity()):
        guarded.app.execute(Request(stream="opportunity-ben", command=command, actor="boss"))
    seen = dict[str, str]()
    for who in ("rep", "auditor"):
        with httpx.Client(base_url=guarded.url, headers=bearer(guarded, who), timeout=60) as client:
            seen[who] = client.get("/settings").text
    assert "Firm of ben" in seen["auditor"] and "Quotas" in seen["auditor"]
    assert "/new/" not in seen["rep"] + seen["auditor"]  # what they may not set has no link
    assert "Firm of ben" not in seen["rep"] and "Quotas" not in seen["rep"] and "Processes" in seen["rep"]


def test_parked_streams_are_told_by_name_to_who_reads_all_of_their_kind(guarded: Guarded) -> None:
    for owner in ("ana", "ben"):
        opening = OpenOpportunity("process-standard", eur("100"), owner=owner)
        guarded.app.execute(Request(stream=f"opportunity-{owner}", command=opening, actor="boss"))
        unreadable(guarded.app.log, f"opportunity-{owner}", 2)
    for who, names in (("rep", False), ("manager", False), ("admin", False), ("auditor", True)):
        answer = httpx.get(f"{guarded.url}/operations", headers=bearer(guarded, who), timeout=60)
        assert answer.status_code == 200, answer.text
        text = answer.text
        assert ("(opportunity-ana, version 2) cannot be read" in text) == names, who
        listed = text[text.index("Parked streams") :]
        listed = listed[: listed.index("Recorded last")]
        assert ("opportunity-ana" in listed, "opportunity-ben" in listed) == (names, names), who
        assert ("2 are parked that are not yours to see" in listed) != names, who


def test_a_page_leads_to_the_pages_that_are_for_its_reader(guarded: Guarded) -> None:
    leads = {
        "rep": {"/board", "/opportunities", "/leads", "/inbox", "/figures", "/compare", "/operations", "/settings"},
        "admin": {"/operations", "/settings"},
    }
    for who, paths in leads.items():
        answer = httpx.get(f"{guarded.url}/settings", headers={"authorization": f"Bearer {guarded.keys[who]}"})
        assert set(re.findall(r'<a href="(/[a-z]+)"', answer.text.partition("</nav>")[0])) == paths


def test_an_admin_revokes_a_key_on_a_page_and_nobody_else_does(guarded: Guarded) -> None:
    def client(who: str) -> httpx.Client:
        key = guarded.keys[who]
        return httpx.Client(base_url=guarded.url, headers={"authorization": f"Bearer {key}"}, timeout=20)

    prefix = guarded.keys["auditor"].split("_")[1]
    with client("rep") as rep, client("auditor") as auditor, client("admin") as admin:
        assert "API keys" not in rep.get("/settings").text and auditor.get("/settings").status_code == 200
        forged = rep.post(f"/keys/{prefix}/revoke", data={"token": form_token(rep)})
        assert forged.status_code == 403
        assert f"/keys/{prefix}/revoke" in admin.get("/settings").text
        admin.get("/settings")  # gives the cookie that forms are held to
        page = admin.get(f"/keys/{prefix}/revoke").text
        token = re.findall(r'name="token" value="([0-9a-f]+)"', page)[-1]
        assert admin.post(f"/keys/{prefix}/revoke", data={"token": token}).headers["location"] == "/settings#api-keys"
        assert auditor.get("/settings").status_code == 303  # to the sign-in
        assert "revoked" in admin.get("/settings").text


def test_nothing_that_a_page_leads_to_is_refused_to_its_reader(guarded: Guarded) -> None:
    for who in ("admin", "auditor", "rep"):
        with httpx.Client(
            base_url=guarded.url,
            headers={"authorization": f"Bearer {guarded.keys[who]}"},
            follow_redirects=True,
            timeout=20,
        ) as client:
            for address in ("/", "/search?q=firm", "/settings", "/figures/board"):
                page = client.get(address)
                if (who, address) == ("admin", "/figures/board"):
                    assert page.status_code == 403
                    continue
                for link in {*re.findall(r'href="(/[^"]+)"', page.text)}:
                    assert client.get(link.replace("&amp;", "&")).status_code == 200, (who, address, link)


def test_behind_a_proxy_that_encrypts_cookies_travel_encrypted_alone(tmp_path: Path) -> None:
    origin = "https://sales.example"
    settings = Settings(
        db=f"sqlite:///{tmp_path / 'log.db'}", key_file=str(tmp_path / "key"),
        service=Service(keys=True, origin=origin), oidc=Oidc(issuer="https://id.example", audience="x", client_id="y"),
    )  # fmt: skip
    asked = Asking("/sign-in", "GET", {"host": "10.0.0.7:8080"}, {}, {}, settings.service.origin)
    assert kept(asked, "name", "value", 60)["set-cookie"].endswith("; Secure")
    assert not kept(asked._replace(origin="http://localhost:8080"), "name", "value", 60)["set-cookie"].endswith(
        "; Secure"
    )


@every("origin", ["sales.example", "https://sales.example/path", "https://a b", "ftp://x", "https://u:p@x"])
def test_an_origin_is_an_address_without_a_path_or_a_secret(origin: str) -> None:
    with pytest.raises(Malformed, match=r"service\.origin"):
        Service(origin=origin)
