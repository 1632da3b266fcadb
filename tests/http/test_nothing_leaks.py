"""What others do changes no figure of a rep's or of a team's: every metric is asked before and after."""

from typing import Any

from projections import METRICS
from tests.http.site import EUR
from tests.http.test_access import Guarded, guarded

__all__ = ["guarded"]

MOMENT = "2026-06-01T00:00:00Z"
ASKED = {"effective_at": MOMENT}
COMPARED = ("rows", "left_out", "notes", "figures", "hidden", "differences", "waterfall", "counts")


def figures(guarded: Guarded, role: str) -> dict[str, Any]:
    """What a role is answered by every metric, with what is behind it, and between two moments; at one instant."""
    found = dict[str, Any]()
    asked = [(f"/v1/metrics/{name}{end}", ASKED) for name in METRICS for end in ("", "/explanation")]
    for path, query in [*asked, ("/v1/differences", {"from": "2026-01-01", "to": "2026-05-31"})]:
        answer = guarded.ask(role, "GET", path, params=query)
        assert answer.status_code in (200, 422), (path, answer.text)
        document = answer.json()
        found[path] = {name: document[name] for name in COMPARED if name in document}
    return found


def work(guarded: Guarded, seller: str, amount: str) -> None:
    """A seller's half a year: leads, deals that move, are won, lost and pushed, a quota, a forecast."""

    def post(day: str, path: str, **document: Any) -> None:
        envelope = {"occurred_at": f"2026-{day}T12:00:00Z"}
        answer = guarded.ask("service", "POST", path, json={**document, "envelope": envelope})
        assert answer.status_code in (200, 201), (path, answer.text)

    worth = {**EUR, "amount": amount}
    for number, day in enumerate(("01-10", "02-10", "03-10", "04-10")):
        lead, deal = f"/v1/leads/lead-{seller}-{number}", f"/v1/opportunities/opportunity-{seller}-{number}"
        post(day, f"{lead}/capture", source="web", owner=seller)
        post(day, f"{lead}/contact", contact="c-1", channel="call")
        post(day, f"{deal}/open", process="process-standard", amount=worth, owner=seller, close_date="2026-05-01")
        post("04-20", f"{deal}/change-stage", to="proposal")
        post("04-21", f"{deal}/schedule-activity", activity="a-1", kind="call", due="2026-05-20")
        post("04-22", f"{deal}/change-close-date", to="2026-06-20")
        if number == 0:
            post("05-02", f"{deal}/win", amount=worth)
        if number == 1:
            post("05-03", f"{deal}/lose", reason="price")
    period = {"holder": seller, "start": "2026-04-01", "end": "2026-06-30"}
    post("04-01", f"/v1/quotas/quota-{seller}/set", **period, amount=worth)
    post("04-02", f"/v1/forecasts/forecast-{seller}/submit", **period, category="commit", amount=worth)


def test_what_others_do_changes_no_figure_that_is_not_theirs(guarded: Guarded):
    for seller in ("ana", "ben"):
        work(guarded, seller, "1000.00")
    before = {role: figures(guarded, role) for role in ("rep", "manager", "analyst")}
    work(guarded, "dan", "77.77")
    after = {role: figures(guarded, role) for role in ("rep", "manager", "analyst")}
    for role in ("rep", "manager"):
        changed = [path for path in before[role] if before[role][path] != after[role][path]]
        assert not changed, (role, changed)
        assert "dan" not in str(after[role]) and "7777" not in str(after[role])
    told = [path for path in before["analyst"] if before["analyst"][path] != after["analyst"][path]]
    assert len(told) > len(METRICS), "what a rep does not see is there"
    answered = [path for path in after["rep"] if after["rep"][path].get("rows") or after["rep"][path].get("figures")]
    assert len(answered) > len(METRICS), "and they do see what is theirs"
