"""Search: pages, figures, deals and leads by words, for the page of that name and for Ctrl-K."""

from infra.web.page import Cell, Column, Page, Reply, Table, Visit, json_reply
from projections import METRICS

PAGES = (
    ("Board", "/board"),
    ("Deals", "/opportunities"),
    ("Leads", "/leads"),
    ("Inbox", "/inbox"),
    ("Figures", "/figures"),
    ("Forecasts", "/forecasts"),
    ("Compare", "/compare"),
    ("Operations", "/operations"),
    ("Settings", "/settings"),
)
EACH = "8"  # records of a kind that are shown


def search(visit: Visit) -> Page | Reply:
    """What a text may mean."""
    text = visit.one("q").strip()
    pages = [each for each in PAGES if each[1] in visit.pages]
    found = [(name, "page", visit.link(path)) for name, path in pages if text.lower() in name.lower()]
    found += [
        (name.replace("-", " ").capitalize(), "figure", visit.link(f"/figures/{name}"))
        for name in METRICS
        if text and text.lower() in name.replace("-", " ") and "/figures" in visit.pages
    ]
    if text and visit.reads("opportunity"):
        for kind, plural, field in (("opportunity", "opportunities", "account"), ("lead", "leads", "company")):
            wanted = {**visit.moment(), field: text, "limit": EACH, "totals": "no"}
            records = visit.list(kind, wanted).records
            found += [
                (getattr(each, field) or each.stream, kind, visit.link(f"/{plural}/{each.stream}")) for each in records
            ]
        if text.startswith(("opportunity-", "lead-")):
            plural = "leads" if text.startswith("lead-") else "opportunities"
            found.insert(0, (text, "record", visit.link(f"/{plural}/{text}")))
    if visit.one("part"):
        return json_reply([{"text": name, "kind": kind, "link": link} for name, kind, link in found])
    rows = [[Cell(name, link=link), Cell(kind)] for name, kind, link in found]
    table = Table("results", (Column("text", "Name"), Column("kind", "Kind")), rows, empty="Nothing is called so.")
    return Page("search.html", "Search", {"text": text}, [table])
