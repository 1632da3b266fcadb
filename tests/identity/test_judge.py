"""What roles may do, and whose records they see: by who owns them now, whatever moment is asked for."""

import io
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from domain import BY_KIND, COMMANDS, KINDS
from domain.errors import Forbidden, Malformed, NotFound
from domain.lead.capture import CaptureLead
from domain.lead.disposition import MergeLead
from domain.lead.profile import AssignLead
from domain.money import Money
from domain.opportunity.opening import OpenOpportunity
from domain.opportunity.terms import ChangeOwner
from domain.recorded import Request
from domain.reference.forecast import SubmitForecast
from domain.reference.team import ChangeTeam
from infra.application.app import App, opened
from infra.control import open_control
from infra.identity import policy
from infra.identity.audit import Audit
from infra.identity.caller import EVERY_SCOPE, ROLES, Access, Caller, Target, Unauthorized
from infra.identity.judge import Judge
from infra.identity.keys import Wanted, create, revoke
from infra.identity.local import Local
from infra.identity.opening import judging
from infra.identity.tokens import Tokens
from infra.logs import logger
from infra.settings import Oidc, Service, Settings
from infra.store.clock import now
from tests.identity.issuer import serving
from tests.offenders import every

DAY = datetime(2026, 1, 5, tzinfo=UTC)


class House:
    """An installation: ana and ben sell, cleo leads ben's team, dan sells alone."""

    def __init__(self, app: App) -> None:
        self.app, self.lines = app, io.StringIO()
        self.control = open_control(app.settings.db, app.log.identity())
        self.judge = Judge(app, Audit(logger("json", self.lines)), self.control)
        for stream, command in (
            ("team-south", ChangeTeam("South", "cleo", ("ben", "eve"))),
            ("lead-ana", CaptureLead("web", owner="ana", name="Ada Lovelace", note="rang twice")),
            ("lead-ben", CaptureLead("web", owner="ben")),
            ("lead-none", CaptureLead("web")),
            ("opportunity-ana", OpenOpportunity("process-standard", Money(Decimal(9), "EUR"), owner="ana")),
            ("opportunity-ben", OpenOpportunity("process-standard", Money(Decimal(9), "EUR"), owner="ben")),
        ):
            self.do(stream, command)

    def do(self, stream: str, command: Any, at: datetime = DAY) -> None:
        self.app.execute(Request(stream=stream, command=command, actor="boss", occurred_at=at))

    def caller(self, *roles: str, owner: str = "", scopes: tuple[str, ...] = ()) -> Caller:
        text, _ = create(self.control, Wanted("x", roles, owner, scopes), "boss", now())
        return self.judge.identify({"authorization": f"Bearer {text}"})

    def sees(self, caller: Caller, stream: str) -> bool:
        try:
            self.judge.allow(caller, Target("records", "timeline", stream.partition("-")[0], stream))
        except NotFound:
            return False
        return True

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines.getvalue().splitlines()]


@pytest.fixture
def house(log_url: str, tmp_path: Path) -> Iterator[House]:
    settings = Settings(db=log_url, key_file=str(tmp_path / "key"), confirm_clock=True)
    with opened(settings) as app:
        house = House(app)
        with closing(house.control):
            yield house


def test_the_judge_and_the_local_identity_are_what_a_door_asks_for(house: House):
    judges: list[Access] = [house.judge, Local("me")]
    for each in judges:
        assert each.describe()


# Every role, every operation


def operations() -> list[Target]:
    """What routes do: each action, of each kind and by each command."""
    found = [
        Target("describe", "document"),
        Target("figures", "board"),
        Target("events", "feed"),
        Target("jobs", "import"),
        Target("views", "view-save"),
        Target("keys", "key-revoke"),
    ]
    found += [Target("records", "list", each) for each in BY_KIND]
    for tag, command in COMMANDS.items():
        found += [Target("write", tag, each, command=tag) for each in sorted(KINDS[command])]
    return found


MAY: dict[str, set[str]] = {
    "describe": {*ROLES}, "figures": {"rep", "manager", "analyst", "auditor"}, "events": {"auditor"}, "jobs": set(),
    "webhooks": {"admin"}, "views": {*ROLES}, "keys": {"admin"},
    "records lead": {"rep", "manager", "auditor"}, "records opportunity": {"rep", "manager", "auditor"},
    "records customer": {"auditor"}, "records quota": {"analyst", "auditor", "admin"},
    "records forecast": {"auditor"}, "records subject": {"auditor", "admin"},
    **{f"records {each}": {"rep", "manager", "analyst", "auditor", "admin"}
       for each in ("process", "framework", "rate", "team", "calendar")},
    "write lead": {"rep", "manager"}, "write opportunity": {"rep", "manager"}, "write forecast": {"rep", "manager"},
    "records outlook": {"analyst", "auditor"}, "write outlook": set(),
    "write customer": set(), "write adjust-forecast": {"manager"},
    **{f"write {each}": {"admin"}
       for each in ("process", "framework", "rate", "team", "calendar", "quota", "subject")},
}  # fmt: skip
"""Who may do what, written out once more by hand; a service does by its scopes."""


@every("role", [role for role in ROLES if role != "service"])
def test_a_role_may_do_what_the_table_says_and_nothing_else(role: str):
    caller = Caller("x", frozenset({role}))
    for target in operations():
        single = f"write {target.command}"
        allowed = MAY[single] if single in MAY else MAY[f"{target.action} {target.kind}".strip()]
        if role in allowed:
            policy.check(caller, target)
        else:
            with pytest.raises(Forbidden, match="allowed to"):
                policy.check(caller, target)


def test_a_service_may_do_what_its_scopes_say():
    for target in operations():
        wanted = policy.policy_of(target)
        for scope in EVERY_SCOPE:
            caller = Caller("x", frozenset({"service"}), scopes=frozenset({scope}))
            assert (wanted.reach(caller) is not None) == (scope == wanted.scope or "service" in wanted.roles), target


def test_nobody_may_do_anything_without_a_role():
    for target in operations():
        with pytest.raises(Forbidden, match="without a role"):
            policy.check(Caller("x", frozenset()), target)
        with pytest.raises(Forbidden):  # scopes are a service's
            policy.check(Caller("x", frozenset({"nobody"}), scopes=EVERY_SCOPE), target)


def test_every_kind_has_a_policy_and_what_has_none_is_nobodys():
    assert BY_KIND.keys() <= policy.RECORDS.keys() & policy.COMMANDS_OF.keys()
    for target in (
        Target("records", "list"),
        Target("records", "list", "unheard"),
        Target("write", "x", "unheard", command="x"),
        Target("dance", "x"),
    ):  # type: ignore[arg-type]
        with pytest.raises(LookupError):
            policy.policy_of(target)


def test_an_auditor_and_an_analyst_write_nothing():
    for role in ("auditor", "analyst"):
        for target in operations():
            if target.action == "write":
                assert policy.policy_of(target).reach(Caller("x", frozenset({role}))) is None


# Whose records


def test_a_rep_sees_what_they_own_now_and_its_whole_history(house: House):
    ana = house.caller("rep", owner="ana")
    assert house.sees(ana, "lead-ana") and house.sees(ana, "opportunity-ana")
    assert not house.sees(ana, "opportunity-ben")
    house.do("opportunity-ana", ChangeOwner("dan"), datetime(2026, 2, 1, tzinfo=UTC))
    assert not house.sees(ana, "opportunity-ana"), "it was hers; it is his who owns it now"
    assert house.sees(house.caller("rep", owner="dan"), "opportunity-ana")


def test_a_manager_sees_what_members_of_their_teams_own_now_and_what_they_own(house: House):
    cleo = house.caller("manager", owner="cleo")
    assert (cleo.teams, cleo.owners) == ({"team-south"}, {"cleo", "ben", "eve"})
    assert house.sees(cleo, "opportunity-ben") and not house.sees(cleo, "opportunity-ana")
    house.do("team-south", ChangeTeam("South", "cleo", ("eve",)), datetime(2026, 2, 1, tzinfo=UTC))
    assert not house.sees(house.caller("manager", owner="cleo"), "opportunity-ben")
    house.do("team-south", ChangeTeam("South", "fred", ("ben",)), datetime(2026, 3, 1, tzinfo=UTC))
    assert house.caller("manager", owner="cleo").teams == frozenset()
    assert house.sees(house.caller("manager", owner="fred"), "opportunity-ben")


def test_a_rep_who_leads_a_team_in_the_log_is_still_a_rep(house: House):
    assert not house.sees(house.caller("rep", owner="cleo"), "opportunity-ben")


def test_what_nobody_owns_is_seen_by_who_sees_all(house: House):
    assert not house.sees(house.caller("manager", owner="cleo"), "lead-none")
    assert house.sees(house.caller("auditor"), "lead-none")
    nobody = Caller("x", frozenset({"rep"}), owner="", owners=frozenset())
    assert not house.sees(nobody, "lead-none"), "who is no seller does not own what nobody owns"


def test_a_record_that_is_not_yours_reads_like_one_that_is_not_there(house: House):
    ana = house.caller("rep", owner="ana")
    messages = list[str]()
    for stream in ("lead-ben", "lead-unheard"):
        with pytest.raises(NotFound) as refused:
            house.judge.allow(ana, Target("records", "timeline", "lead", stream))
        messages.append(str(refused.value).replace(stream, ""))
    assert messages[0] == messages[1]


def test_commands_on_records_of_others_are_refused(house: House):
    ana = house.caller("rep", owner="ana")
    house.judge.allow(ana, Target("write", "lead", "lead", "lead-ana", "assign-lead"))
    for stream in ("lead-ben", "lead-none", "lead-unheard"):
        with pytest.raises(NotFound):
            house.judge.allow(ana, Target("write", "lead", "lead", stream, "assign-lead"))
    house.judge.allow(ana, Target("write", "lead", "lead", "lead-unheard", "capture-lead"))
    with pytest.raises(NotFound):
        house.judge.allow(ana, Target("write", "lead", "lead", "lead-ben", "capture-lead"))


def test_auditors_read_all_but_not_what_is_personal_and_an_auditor_who_sells_no_more(house: House):
    assert not house.caller("auditor").personal
    both = house.caller("auditor", "rep", owner="ana")
    assert both.owner is None and not both.personal
    with pytest.raises(NotFound):  # to write, they are a rep
        house.judge.allow(both, Target("write", "lead", "lead", "lead-ben", "assign-lead"))


def test_who_sees_figures_alone_sees_no_record_behind_them(house: House):
    for role in ("analyst", "admin"):
        caller = house.caller(role)
        assert not caller.personal and not any(caller.sees(owner) for owner in ("ana", "ben", ""))
    counting = house.caller("service", scopes=("figures",))
    assert not counting.personal and not counting.sees("ana")
    reading = house.caller("service", scopes=("records",))
    assert reading.sees("ana") and reading.sees("") and not reading.personal
    assert house.caller("service", scopes=("records", "personal")).personal


def test_callers_who_see_different_things_never_share_a_cached_answer(house: House):
    callers = [
        house.caller("rep", owner="ana"), house.caller("rep", owner="ben"), house.caller("manager", owner="cleo"),
        house.caller("analyst"), house.caller("auditor"), house.caller("service", scopes=("records",)),
        house.caller("service", scopes=("records", "personal")),
    ]  # fmt: skip
    assert len({each.scope for each in callers}) == len(callers)
    before = house.caller("manager", owner="cleo").scope
    house.do("team-south", ChangeTeam("South", "cleo", ("eve",)), datetime(2026, 2, 1, tzinfo=UTC))
    assert house.caller("manager", owner="cleo").scope != before


# Figures


def test_questions_are_narrowed_to_ones_own_or_to_a_team_that_one_leads(house: House):
    narrowed = house.judge.narrowed
    ana, cleo = house.caller("rep", owner="ana"), house.caller("manager", owner="cleo")
    assert narrowed(ana, {"by": "owner"}) == {"by": "owner", "owner": "ana"}
    assert narrowed(ana, {"owner": "ana", "team": "team-south"}) == {"owner": "ana", "team": "team-south"}
    assert narrowed(cleo, {}) == {"team": "team-south"}
    assert narrowed(cleo, {"owner": "cleo"}) == {"owner": "cleo"}
    assert narrowed(cleo, {"owner": "ben"}) == {"owner": "ben", "team": "team-south"}
    for caller, asked in (
        (ana, {"owner": "ben"}),
        (ana, {"owner": ""}),
        (ana, {"owner": ["ana", "ben"]}),
        (cleo, {"owner": "ana"}),
        (cleo, {"team": "team-north"}),
        (cleo, {"team": ""}),
    ):
        with pytest.raises(Forbidden):
            narrowed(caller, asked)
    for role in ("analyst", "auditor"):
        assert narrowed(house.caller(role), {"owner": "ben"}) == {"owner": "ben"}
    assert house.judge.filters(ana, "figures") == {"owner": "ana"}
    assert house.judge.filters(house.caller("analyst"), "figures") == {}
    house.do("team-west", ChangeTeam("West", "cleo", ("dan",)))
    with pytest.raises(Malformed, match="team: say which one: team-south, team-west"):
        narrowed(house.caller("manager", owner="cleo"), {})


def test_a_rep_whom_nobody_said_which_seller_they_are_gets_no_figures(house: House):
    with pytest.raises(Forbidden, match="owner: it is not configured"):
        house.judge.narrowed(Caller("x", frozenset({"rep"}), owner=""), {})


# What commands say


def test_a_new_record_is_its_reps_and_never_anothers(house: House):
    ana, cleo = house.caller("rep", owner="ana"), house.caller("manager", owner="cleo")
    assert house.judge.owned(ana, CaptureLead("web")) == CaptureLead("web", owner="ana")
    assert house.judge.owned(cleo, CaptureLead("web", owner="ben")) == CaptureLead("web", owner="ben")
    for caller, owner in ((ana, "ben"), (cleo, "ana")):
        with pytest.raises(Forbidden, match="owner: "):
            house.judge.owned(caller, CaptureLead("web", owner=owner))
    service = house.caller("service", scopes=("commands",))
    assert house.judge.owned(service, CaptureLead("web")) == CaptureLead("web")


def test_a_record_can_be_handed_over_to_any_seller(house: House):
    ana = house.caller("rep", owner="ana")
    assert house.judge.owned(ana, AssignLead("ben")) == AssignLead("ben")


def test_records_that_a_command_names_must_be_ones_own(house: House):
    ana = house.caller("rep", owner="ana")
    with pytest.raises(NotFound, match="survivor: "):
        house.judge.owned(ana, MergeLead("lead-ben"))
    assert house.judge.owned(ana, MergeLead("lead-ana")) == MergeLead("lead-ana")
    money = Money(Decimal(9), "EUR")
    with pytest.raises(NotFound, match="lead: "):
        house.judge.owned(ana, OpenOpportunity("process-standard", money, owner="ana", lead="lead-ben"))


def test_a_forecast_is_submitted_for_oneself_or_a_team_that_one_leads(house: House):
    def call(holder: str) -> SubmitForecast:
        return SubmitForecast(holder, DAY.date(), DAY.date(), "commit", Money(Decimal(9), "EUR"))

    ana, cleo = house.caller("rep", owner="ana"), house.caller("manager", owner="cleo")
    house.judge.owned(ana, call("ana"))
    for holder in ("ben", "team-south", "cleo", "team-north"):
        with pytest.raises(Forbidden, match="holder: "):
            house.judge.owned(ana, call(holder))
    for holder in ("ben", "team-south", "cleo"):
        house.judge.owned(cleo, call(holder))


# Who


def test_who_shows_nothing_or_nothing_good_is_unknown_and_it_is_logged(house: House):
    text, key = create(house.control, Wanted("x", ("analyst",)), "boss", now())
    revoke(house.control, key.prefix, "boss", now())
    headers = ({}, {"authorization": ""}, {"authorization": "Bearer "}, {"authorization": "Basic YTpi"},
               {"authorization": f"Bearer {text}"}, {"authorization": "Bearer a.b.c"},
               {"authorization": text})  # fmt: skip
    for each in headers:
        with pytest.raises(Unauthorized) as refused:
            house.judge.identify(each)
        assert refused.value.challenge.startswith("Bearer")
    lines = house.logged()
    assert [line["decision"] for line in lines] == ["unauthenticated"] * len(headers)
    assert text not in house.lines.getvalue() and "a.b.c" not in house.lines.getvalue()


def test_refusals_and_reads_of_personal_data_are_logged_without_what_is_personal(house: House):
    ana = house.caller("rep", owner="ana")
    with pytest.raises(NotFound):
        house.judge.allow(ana, Target("records", "timeline", "lead", "lead-ben"))
    with pytest.raises(Forbidden):
        house.judge.narrowed(ana, {"owner": "Grace Hopper"})
    with pytest.raises(Forbidden):
        house.judge.allow(ana, Target("configure", "publish", "process", "process-x", "publish-process"))
    house.judge.saw_personal(ana, Target("records", "timeline", "lead", "lead-ana"))
    lines = house.logged()
    assert [line["decision"] for line in lines] == ["refused"] * 3 + ["personal data read"]
    assert {(line["actor"], line["roles"], line["means"], line["credential"]) for line in lines} == {
        ("x", "rep", "key", ana.credential)
    }
    assert (lines[0]["stream"], lines[2]["command"], lines[3]["stream"]) == ("lead-ben", "publish-process", "lead-ana")
    assert not any(text in house.lines.getvalue() for text in ("Grace", "Ada", "rang"))


def test_tokens_and_keys_open_what_is_configured_alone(house: House):
    with serving() as issuer:
        issuer.add_key("first", "EdDSA")
        token = issuer.token()
        with pytest.raises(Unauthorized, match="no issuer is configured"):
            house.judge.identify({"authorization": f"Bearer {token}"})
        judge = Judge(
            house.app, Audit(logger("json", house.lines)), None, Tokens(Oidc(issuer=issuer.url, audience="dealtrail"))
        )
        found = judge.identify({"authorization": f"bearer {token}"})
        assert (found.actor, found.owner, found.means, found.owners) == ("u-1", "ana", "token", {"ana"})
        text, _ = create(house.control, Wanted("x", ("analyst",)), "boss", now())
        with pytest.raises(Unauthorized, match=r"service\.keys is off"):
            judge.identify({"authorization": f"Bearer {text}"})


def test_the_local_identity_answers_this_machine_alone():
    local = Local("me")
    for host in ("localhost", "localhost:8080", "127.0.0.1:1", "[::1]:8080", "[::1]"):
        assert local.identify({"host": host}).actor == "me"
    for host in ("evil.example", "evil.example:8080", "localhost.evil.example", "", "127.0.0.1.evil.example:80"):
        with pytest.raises(Forbidden, match="host"):
            local.identify({"host": host})


def opened_access(tmp_path: Path, **service: Any) -> str:
    settings = Settings(db=f"sqlite:///{tmp_path / 'other.db'}", actor="me", service=Service(**service))
    with opened(settings) as app, judging(app, logger("json", io.StringIO())) as access:
        assert not settings.service.keys or Path(f"{tmp_path / 'other.db'}-control").exists()
        return access.describe()


def test_the_settings_say_who_judges_and_nobody_is_let_in_from_elsewhere_unknown(tmp_path: Path):
    assert "whoever reaches this machine's loopback address is me" in opened_access(tmp_path)
    assert not Path(f"{tmp_path / 'other.db'}-control").exists()
    for host in ("0.0.0.0", "::", "192.168.1.7", "sales.example", ""):
        with pytest.raises(Malformed, match=r"service\.host: .* anybody would be let in"):
            opened_access(tmp_path, host=host)
    assert opened_access(tmp_path, host="0.0.0.0", keys=True) == "callers show API keys, and see what their roles allow"
