"""Who may look at which page, and send which form: derived from the routes, so that one without a policy fails."""

from domain import BY_KIND
from infra.http.pages import target_of
from infra.identity import policy
from infra.identity.caller import ROLES, Caller
from infra.web.openings import OPENERS
from infra.web.routes import ROUTES, Route
from tests.offenders import every

VARIABLES = {
    "id": "opportunity-7", "verb": "change-stage", "metric": "board", "kind": "lead", "view": "v", "key": "k"
}  # fmt: skip
READS = {
    "/board": {"rep", "manager", "auditor"}, "/opportunities": {"rep", "manager", "auditor"},
    "/leads": {"rep", "manager", "auditor"}, "/inbox": {"rep", "manager", "auditor"},
    "/figures": {"rep", "manager", "auditor", "analyst"}, "/compare": {"rep", "manager", "auditor", "analyst"},
    "/compare/behind": {"rep", "manager", "auditor"}, "/forecasts": {"auditor", "analyst"},
    "/settings": {"rep", "manager", "auditor", "analyst", "admin"},
    "/operations": {"rep", "manager", "auditor", "analyst", "admin"},
}  # fmt: skip
"""By hand: the roles that a page is for."""


def variables(route: Route) -> dict[str, str]:
    names = [part[1:-1] for part in route.pattern.split("/") if part.startswith("{")]
    return {name: VARIABLES[name] for name in names}


def allowed(route: Route) -> set[str]:
    return {
        role
        for role in ROLES
        if policy.policy_of(target_of(route, variables(route))).reach(Caller("x", frozenset({role}))) is not None
    }


@every("route", ROUTES, ids=lambda route: f"{route.method} {route.pattern}")
def test_every_page_has_a_policy(route: Route) -> None:
    assert policy.policy_of(target_of(route, variables(route)))


def test_the_roles_that_a_page_is_for_are_those_written_out_by_hand() -> None:
    seen = {route.pattern: allowed(route) for route in ROUTES if route.pattern in READS and route.method == "GET"}
    assert seen == READS


def test_who_only_reads_sends_no_form() -> None:
    for route in ROUTES:
        if route.method == "POST" and route.touches != "views":  # which are their own, and no facts
            assert not allowed(route) & {"auditor", "analyst"}, route.pattern


def test_a_seller_configures_nothing_and_who_configures_works_on_no_deal() -> None:
    by_pattern = {(route.method, route.pattern): route for route in ROUTES}
    settings = by_pattern["POST", "/streams/{id}/{verb}"]
    of_process = target_of(settings, {"id": "process-standard", "verb": "retire-process"})
    assert policy.policy_of(of_process).reach(Caller("x", frozenset({"rep"}))) is None
    deal = target_of(
        by_pattern["POST", "/opportunities/{id}/{verb}"], {"id": "opportunity-7", "verb": "win-opportunity"}
    )
    assert policy.policy_of(deal).reach(Caller("x", frozenset({"admin"}))) is None


def test_what_opens_a_record_is_judged_as_the_command_that_it_is() -> None:
    opening = next(route for route in ROUTES if route.pattern == "/new/{kind}" and route.method == "POST")
    for kind, tag in OPENERS.items():
        assert kind in BY_KIND and target_of(opening, {"kind": kind}).command == tag
