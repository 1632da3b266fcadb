"""A small sales organisation with some of everything, on a real database: what lists are tried on."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from domain.lead.capture import CaptureLead
from domain.lead.conversion import ConvertLead
from domain.lead.disposition import DisqualifyLead, MergeLead, NurtureLead
from domain.lead.profile import ContactLead
from domain.lead.qualification import AssessCriterion, QualifyLead
from domain.money import Money
from domain.opportunity.closing import LoseOpportunity, WinOpportunity
from domain.opportunity.follow_up import CompleteActivity, ScheduleActivity, SetNextStep
from domain.opportunity.judgement import ChangeForecastCategory, ChangeSplits, OverrideProbability, Share
from domain.opportunity.line_items import SetLineItem
from domain.opportunity.progress import ChangeStage
from domain.opportunity.removal import DeleteOpportunity, MergeOpportunity
from domain.opportunity.terms import ChangeAmount, ChangeCloseDate, ChangeOwner, RenameOpportunity
from domain.recorded import micros
from domain.reference.framework import BANT, PublishFramework
from domain.reference.process import PublishProcess, Stage
from domain.reference.quota import SetQuota
from domain.reference.rate import SetFxRate
from domain.reference.subject import HoldSubject, ReleaseSubject
from domain.reference.team import ChangeTeam
from infra.store import Log
from projections.records.listing import Listing
from tests.desk import SALES, Desk, deal, eur, on, usd

NOW = "06-17"  # a Wednesday of 2026
RENEWALS = "process-renewals"


class Office(Desk):
    """A desk at which it is the 17th of June 2026, noon."""

    def __init__(self, url: str, log: Log, folder: Path) -> None:
        super().__init__(url, log, folder)
        self.app.clock = lambda: micros(on(NOW))

    def listed(self, kind: str, caller: str = "", **texts: Any) -> Listing:
        return self.app.list(kind, texts, caller)

    def streams(self, kind: str, caller: str = "", **texts: Any) -> list[str]:
        """The records of a list by their streams, without what they begin with."""
        return [record.stream.partition("-")[2] for record in self.listed(kind, caller, **texts).records]

    def pages(self, kind: str, between: Any = lambda: None, **texts: Any) -> list[Any]:
        """All records of a list, page after page; `between` is done before each next one."""
        found, cursor = list[Any](), ""
        while True:
            page = self.listed(kind, **texts, **({"cursor": cursor} if cursor else {}))
            found += page.records
            if not (cursor := page.next):
                return found
            between()
            texts = {name: text for name, text in texts.items() if name not in ("known_at", "effective_at")}

    def several(self, stream: str, *commands: tuple[Any, str]) -> None:
        for command, day in commands:
            self.tell(stream, command, day)

    def furnish(self) -> None:
        """Some of everything."""
        self.refer()
        self.capture()
        self.sell()
        self.hold()

    def refer(self) -> None:
        stages = (
            Stage("review", "Review", 1, "open", Decimal("0.8"), "commit", (), 10),
            Stage("won", "Won", 2, "won", Decimal(1), "closed"),
            Stage("lost", "Lost", 3, "lost", Decimal(0), "omitted"),
        )  # fmt: skip
        self.tell(RENEWALS, PublishProcess("Renewals", stages), "01-01")
        self.tell("framework-own", PublishFramework("Our BANT", BANT.criteria[:3]), "01-01")
        self.tell("team-north", ChangeTeam("North", "mia", ("ann", "bob")), "01-01")
        self.tell("team-south", ChangeTeam("South", "", ("cy",)), "01-01")
        self.tell("quota-26", SetQuota("ann", date(2026, 1, 1), date(2026, 3, 31), eur("5000")), "01-01")
        self.tell("quota-26", SetQuota("team-north", date(2026, 4, 1), date(2026, 6, 30), usd("9000")), "01-02")
        for day, rate in ((date(2026, 1, 1), "0.5"), (date(2026, 6, 1), "0.9")):
            self.tell("rate-ecb", SetFxRate("USD", "EUR", day, Decimal(rate)), "01-01")
        self.tell("rate-ecb", SetFxRate("JPY", "EUR", date(2026, 1, 1), Decimal("0.006")), "01-03")

    def capture(self) -> None:
        leads: Sequence[tuple[str, str, str, str]] = (
            ("website", "Ada Archer", "Alder Clinics", "ann"), ("fair", "Ben Baker", "Birch_Energy 100%", "bob"),
            ("website", "Cleo Carter", "ALDER Foods", ""), ("referral", "Dan Archer", "", "cy"),
            ("fair", "Eve Ebert", "Elm", "ann"), ("website", "Fay Ford", "Fir", "bob"),
        )  # fmt: skip
        for number, (source, name, company, owner) in enumerate(leads, 1):
            command = CaptureLead(source, company, owner, name, f"{name.split()[0].lower()}@example.com")
            self.tell(f"lead-{number}", command, f"03-0{number}")
        self.several("lead-1", (ContactLead("c1", "call", "spoke with Ada"), "03-08"),
                     (AssessCriterion("budget", "yes", evidence="a letter"), "03-09"),
                     (AssessCriterion("need", "yes"), "03-09"), (QualifyLead(), "03-10"))  # fmt: skip
        self.tell("lead-1", ConvertLead("opportunity-1", SALES, eur("1000")), "03-11")
        self.tell("lead-2", NurtureLead(date(2026, 9, 1)), "03-12")
        self.tell("lead-4", DisqualifyLead("no-need"), "03-13")
        self.tell("lead-6", MergeLead("lead-5"), "03-14")

    def hold(self) -> None:
        self.tell("subject-lead-1", HoldSubject("a dispute"), "06-01")
        self.tell("subject-lead-2", HoldSubject("another"), "06-02")
        self.tell("subject-lead-2", ReleaseSubject("settled"), "06-03")

    def sell(self) -> None:
        """Nine deals: open 1 to 5, won 6, lost 7, merged 8, deleted 9."""
        self.several("opportunity-1", (ChangeStage("demo"), "05-01"), (ChangeCloseDate(date(2026, 6, 30)), "05-02"),
                     (RenameOpportunity("New chairs for Ada"), "05-05"),
                     (SetLineItem("a", "chairs", Decimal(2), eur("300.50")), "05-03"),
                     (ChangeSplits((Share("ann", Decimal("0.6")), Share("bob", Decimal("0.4")))), "05-04"))  # fmt: skip
        opened = (
            (2, deal(usd("4000"), account="Alder Clinics", owner="ann", product="desks", close_date=date(2026, 6, 1))),
            (3, deal(eur("250.75"), account="birch", owner="bob", source="fair", close_date=date(2026, 7, 15))),
            (4, deal(Money(Decimal(90000), "JPY"), "offer", account="Cedar", owner="", product="desks")),
            (6, deal(eur("3000"), "offer", account="Alder Clinics", owner="cy", close_date=date(2026, 6, 1))),
            (7, deal(eur("70"), account="Elm", owner="bob")),
            (8, deal(eur("80"), account="Elm", owner="bob")),
            (9, deal(eur("90"), account="Elm", owner="bob")),
        )  # fmt: skip
        for number, command in opened:
            self.tell(f"opportunity-{number}", command, f"04-0{number}")
        renewal = deal(eur("600"), "review", account="Fir", owner="cy", lead="lead-5", close_date=date(2026, 6, 20))
        self.tell("opportunity-5", type(renewal)(RENEWALS, *list(vars_of(renewal))[1:]), "06-01")
        self.tell("opportunity-2", SetNextStep("send the offer", date(2026, 6, 19)), "06-02")
        self.several("opportunity-3", (ScheduleActivity("m1", "meeting", date(2026, 7, 1)), "06-03"),
                     (CompleteActivity("k1", "call", "they like it"), "06-04"),
                     (OverrideProbability(Decimal("0.45"), "a hunch"), "06-05"),
                     (ChangeForecastCategory("best-case"), "06-05"))  # fmt: skip
        self.tell("opportunity-6", WinOpportunity(), "05-20")
        self.tell("opportunity-7", LoseOpportunity("price", "acme", "too dear"), "05-21")
        self.tell("opportunity-8", MergeOpportunity("opportunity-3"), "05-22")
        self.tell("opportunity-9", DeleteOpportunity("a test"), "05-23")

    def busy(self) -> None:
        """Something happens to every open deal, and there is another one."""
        head = self.log.head()
        for number in (1, 2, 3, 4, 5):
            self.tell(f"opportunity-{number}", ChangeOwner(f"dora-{head}"), NOW)
            self.tell(f"opportunity-{number}", ChangeCloseDate(date(2026, 8, 1 + head % 28)), NOW)
        self.tell("opportunity-3", ChangeAmount(eur(f"{head}.50")), NOW)
        self.tell(f"opportunity-new-{head}", deal(eur("1"), owner="ann", close_date=date(2026, 6, 2)), NOW)
        self.tell(f"lead-new-{head}", CaptureLead("website", "Alder", "ann", "Ada New"), NOW)
        self.tell("lead-3", ContactLead(f"c{head}", "call"), NOW)
        self.tell("rate-ecb", SetFxRate("USD", "EUR", date(2026, 5, 1 + head % 28), Decimal("0.7")), NOW)


def vars_of(command: Any) -> list[Any]:
    """The values of a command's fields, in order."""
    return [getattr(command, name) for name in command.__struct_fields__]
