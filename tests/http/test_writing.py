"""Commands by HTTP: what they lead to, what a key and a version do, and who is said to have done it."""

from concurrent.futures import ThreadPoolExecutor

from tests.http.site import DEAL, EUR, Site


def test_a_deal_is_opened_moved_and_won_and_the_board_knows(each_site: Site) -> None:
    opened = each_site.post("/v1/opportunities", DEAL)
    assert opened.status_code == 201
    stream = opened.json()["stream"]
    assert opened.headers["location"] == f"/v1/opportunities/{stream}"
    assert opened.headers["etag"] == '"1"'
    assert each_site.post(f"/v1/opportunities/{stream}/change-stage", {"to": "proposal"}).status_code in (200, 409)
    won = each_site.post(f"/v1/opportunities/{stream}/win", {"override_reason": "a friend"})
    assert won.status_code == 200, won.text
    assert {fact["event"] for fact in won.json()["facts"]} >= {"opportunity-won", "customer-opened"}
    bookings = each_site.get("/v1/metrics/bookings", wait=won.json()["position"], since="today", until="today")
    assert bookings.status_code == 200, bookings.text
    assert "100.00" in bookings.text


def test_a_lead_is_captured_with_its_envelope_and_by_who_calls(site: Site) -> None:
    envelope = {"occurred_at": "2026-01-02T03:04:05Z", "reason": "met at a fair", "on_behalf_of": "bob"}
    answer = site.post("/v1/leads", {"source": "fair", "name": "Zoë", "envelope": envelope})
    assert answer.status_code == 201
    [fact] = site.app.log.histories([answer.json()["stream"]])[answer.json()["stream"]]
    assert (fact.actor, fact.on_behalf_of) == ("tester", "bob")
    assert fact.occurred_at.isoformat() == "2026-01-02T03:04:05+00:00"
    assert "Zoë" not in answer.text


def test_who_names_an_actor_a_position_or_a_key_in_the_body_is_refused(site: Site) -> None:
    for stray in ({"actor": "eve"}, {"position": 1}, {"command_id": "x"}, {"envelope": {"actor": "eve"}},
                  {"envelope": {"recorded_at": "2026-01-02T03:04:05Z"}}, {"envelope": {"source": {}}}):  # fmt: skip
        answer = site.post("/v1/leads", {"source": "web", **stray})
        assert answer.status_code == 422, stray
        assert answer.json()["field"].split(".")[-1] in str(stray)
    assert site.app.log.head() == 0 or not any(
        fact.stream.startswith("lead-") for fact in site.app.log.recorded(0, 100)
    )


def test_the_same_key_and_body_replay_and_another_body_is_refused(each_site: Site) -> None:
    first = each_site.post("/v1/leads", {"source": "web"}, Idempotency_Key="k1")
    again = each_site.post("/v1/leads", {"source": "web"}, Idempotency_Key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == first.json() | {"repeated": True}
    other = each_site.post("/v1/leads", {"source": "fair"}, Idempotency_Key="k1")
    assert (other.status_code, other.json()["type"]) == (422, "/v1/problems/key-reused")


def test_requests_with_one_key_at_once_share_one_answer(each_site: Site) -> None:
    stream = each_site.deal()
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(
                lambda _: each_site.post(f"/v1/opportunities/{stream}/change-amount", {"to": EUR | {"amount": "7"}},
                                         Idempotency_Key="once"),
                range(32),
            )
        )  # fmt: skip
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["position"] for answer in answers}) == 1
    assert sum(not answer.json()["repeated"] for answer in answers) == 1
    assert len(each_site.app.log.histories([stream])[stream]) == 2


def test_an_opening_with_one_key_at_once_opens_one_stream(site: Site) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: site.post("/v1/leads", {"source": "web"}, Idempotency_Key="k"), range(32)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["stream"] for answer in answers}) == 1


def test_a_version_that_was_seen_lets_one_of_several_through_and_says_what_came_first(each_site: Site) -> None:
    stream = each_site.deal()
    path = f"/v1/opportunities/{stream}/change-amount"
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda n: each_site.post(path, {"to": EUR | {"amount": str(n)}}, If_Match='"1"'), range(1, 9))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    lost = next(answer for answer in answers if answer.status_code == 412).json()
    assert (lost["type"], lost["stream"], lost["version"]) == ("/v1/problems/version-moved", stream, 2)
    [first] = lost["came_first"]
    assert (first["version"], first["type"], first["actor"]) == (2, "amount-changed", "tester")
    assert first["recorded_at"].endswith("Z"), "as times are everywhere"


def test_without_a_version_everybody_gets_through(site: Site) -> None:
    stream = site.deal()
    path = f"/v1/opportunities/{stream}/change-amount"
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: site.post(path, {"to": EUR | {"amount": str(n)}}), range(1, 65)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.headers["etag"] for answer in answers) == sorted(f'"{n}"' for n in range(2, 66))


def test_what_is_true_already_says_the_version_that_it_has(site: Site) -> None:
    stream = site.deal()
    answer = site.post(f"/v1/opportunities/{stream}/change-amount", {"to": EUR})
    assert (answer.status_code, answer.json()["facts"], answer.headers["etag"]) == (200, [], '"1"')


def test_who_has_seen_a_record_is_stopped_by_what_changed_the_same_thing_alone(each_site: Site) -> None:
    site, deal = each_site, each_site.deal()
    assert (
        site.post(f"/v1/opportunities/{deal}/complete-activity", {"activity": "a-1", "kind": "call"}).status_code == 200
    )
    moved = site.post(f"/v1/opportunities/{deal}/change-stage?seen=1", {"to": "proposal"})
    assert moved.status_code == 200, moved.text
    again = site.post(f"/v1/opportunities/{deal}/change-stage?seen=1", {"to": "negotiation"})
    assert (again.status_code, again.json()["version"]) == (409, 3)
    assert [(each["type"], each["actor"]) for each in again.json()["came_first"]] == [("stage-changed", "tester")]
    amount = {"to": {"amount": "900.00", "currency": "EUR"}}
    assert site.post(f"/v1/opportunities/{deal}/change-amount?seen=1", amount).status_code == 200
    both = site.post(f"/v1/opportunities/{deal}/change-stage?seen=1", {"to": "negotiation"}, If_Match='"4"')
    assert (both.status_code, both.json()["field"]) == (422, "seen")
