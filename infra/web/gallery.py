"""The vocabulary of parts on one page: head, table, card, field, chip, chart, banner; what every page is made of."""

from infra.web.board import Card
from infra.web.figures import picture_of
from infra.web.page import Cell, Column, Page, Table, Visit

WEEKS = (("discovery", 42, 0.61), ("proposal", 26, 0.48), ("negotiation", 12, 0.75))


def gallery(visit: Visit) -> Page:
    """Each part, in each of its states."""
    columns = (
        Column("deal", "Deal"),
        Column("stage", "Stage"),
        Column("amount", "Amount", True),
        Column("state", "State"),
    )
    rows = [
        [Cell("Northwind", link="#"), Cell("Proposal"), Cell("12,500.00 EUR"), Cell("on time", tone="good")],
        [
            Cell("A firm with a name that is longer than its column"),
            Cell("Negotiation"),
            Cell("1,250,000.00 EUR"),
            Cell("stale", tone="warn"),
        ],
        [Cell("Tailspin"), Cell("Discovery"), Cell("900.00 EUR"), Cell("overdue", tone="bad")],
    ]
    totals = [Cell("3 deals"), Cell(""), Cell("1,263,400.00 EUR"), Cell("")]
    cards = [
        Card(
            "opportunity-1", 3, "proposal", "Northwind", "12,500.00 EUR", "ann", "4", False, "Call back", "2026-06-30"
        ),
        Card(
            "opportunity-2",
            7,
            "proposal",
            "A firm with a name that is longer than its card",
            "1,250,000.00 EUR",
            "bob",
            "41",
            True,
            "",
        ),
    ]
    funnel = [
        {
            "process": "New business",
            "stage": stage,
            "name": stage.capitalize(),
            "entered": deals,
            "conversion": share,
        }
        for stage, deals, share in WEEKS
    ]
    parts = {"cards": cards, "svg": picture_of("funnel", funnel), "tones": ("", "good", "warn", "bad", "accent")}
    empty = Table("empty", (), (), empty="Nothing here yet. Import an export, or open a deal.")
    return Page("gallery.html", "Parts", parts, [Table("table", columns, rows, "A table", totals), empty])
