"""How a deal opens, moves and closes: the rules of its stages, row by row."""

from msgspec.structs import replace

from domain import Context
from domain.opportunity import OpenOpportunity, OpportunityOpened
from domain.opportunity.closing import (
    LoseOpportunity,
    OpportunityLost,
    OpportunityReopened,
    OpportunityWon,
    WinOpportunity,
)
from domain.opportunity.progress import ChangePipeline, ChangeStage, PipelineChanged, StageChanged
from domain.opportunity.removal import OpportunityRestored, RestoreOpportunity
from tests.domain.deals import (
    DEALS,
    OPEN,
    OPENED,
    OPPORTUNITY,
    READ,
    RENEWAL,
    REOPEN,
    STATES,
    STREAM,
    WON,
    customer,
    no_customer,
    opened,
    won,
)
from tests.domain.pipelines import eur
from tests.domain.table import Refused, Row, check, fold, rows
from tests.offenders import every

NEED_LACKS = "leaving need forward needs {}: say it in criteria_met, or give an override_reason"

OPENING = [
    Row("absent", OpenOpportunity("process-sales", eur("0")),
        (OpportunityOpened("process-sales", 2, "need", eur("0")),), "at least"),
    Row("absent", replace(OPEN, stage="trial"), (replace(OPENED, process_version=2, stage="trial"),), "further on"),
    Row("absent", replace(OPEN, stage="demo"), Refused(
        "the process has no stage 'demo'; its open stages are need, trial, offer"), "in a stage that is gone"),
    Row("absent", replace(OPEN, stage="won"), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, trial, offer"), "won"),
    Row("absent", replace(OPEN, stage="dropped"), Refused(
        "dropped is a lost stage, entered by lose-opportunity alone; the open stages are need, trial, offer"), "lost"),
    Row("absent", OpenOpportunity("process-renewals", eur("50"), account="Acme"), (RENEWAL,), "in another pipeline"),
    Row("absent", OpenOpportunity("process-renewals", eur("50"), "need"), Refused(
        "the process has no stage 'need'; its open stages are review, terms"), "in a stage of another pipeline"),
    Row("absent", OpenOpportunity("process-draft", eur("1")), Refused(
        "process-draft is not published: publish it first (publish-process)"), "in a draft"),
    Row("absent", OpenOpportunity("process-nowhere", eur("1")), Refused(
        "process-nowhere is not published: publish it first (publish-process)"), "in no process"),
    Row("open", replace(OPEN, stage="demo"), (), "in the stage it opened in"),
    Row("open", replace(OPEN, stage="need"), opened("open-opportunity"), "in another stage"),
    Row("open", replace(OPEN, amount=eur("900.00")), (), "for the same amount in other digits"),
    Row("absent", OpenOpportunity("process-ended", eur("1")), Refused(
        "open-opportunity: process-ended is retired; open it in another process"), "in a retired process"),
    Row("absent", OpenOpportunity("process-waning", eur("1"), "demo"), Refused(
        "demo is retired in favour of offer; the open stages are need, offer"), "in a retired stage"),
]  # fmt: skip

MOVING = [
    Row("open", ChangeStage("demo", ("nonsense",)), (), "to where it is"),
    Row("open", ChangeStage("trial"), Refused(
        "the process has no stage 'trial'; its open stages are need, demo, offer"), "to a stage of a later version"),
    Row("open", ChangeStage("won"), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, demo, offer"), "to won"),
    Row("open", ChangeStage("lost", override_reason="please"), Refused(
        "lost is a lost stage, entered by lose-opportunity alone; the open stages are need, demo, offer"), "to lost"),
    Row("open", ChangeStage("offer", ("price",)), Refused(
        "demo has no exit criterion price; it has: none"), "with a criterion of another stage"),
    Row("open", ChangeStage("need"), (StageChanged("demo", "need", 1, "back"),), "back"),
    Row("in need", ChangeStage("demo"), Refused(NEED_LACKS.format("pain, sponsor")), "nothing met"),
    Row("in need", ChangeStage("demo", ("pain",)), Refused(NEED_LACKS.format("sponsor")), "one unmet"),
    Row("in need", ChangeStage("demo", ("pain",), " "), Refused(NEED_LACKS.format("sponsor")), "a blank override"),
    Row("in need", ChangeStage("demo", ("pain", "luck")), Refused(
        "need has no exit criterion luck; it has: pain, sponsor"), "an unknown criterion"),
    Row("in need", ChangeStage("demo", ("luck",), "a big name"), Refused(
        "need has no exit criterion luck; it has: pain, sponsor"), "unknown, overridden"),
    Row("in need", ChangeStage("demo", ("sponsor", "pain")),
        (StageChanged("need", "demo", 1, "forward", (), ("sponsor", "pain")),), "all met"),
    Row("in need", ChangeStage("demo", ("pain",), "a big name"),
        (StageChanged("need", "demo", 1, "forward", (), ("pain",), "a big name"),), "overridden"),
    Row("in need", ChangeStage("offer", ("pain", "sponsor")),
        (StageChanged("need", "offer", 1, "forward", ("demo",), ("pain", "sponsor")),), "skipping"),
    Row("in offer", ChangeStage("need"), (StageChanged("offer", "need", 1, "back", ("demo",)),), "back, skipping"),
    Row("in offer", ChangeStage("demo"), (StageChanged("offer", "demo", 1, "back"),), "back, with criteria unmet"),
    Row("in review", ChangeStage("terms"), (StageChanged("review", "terms", 1, "forward"),), "in another pipeline"),
    Row("in review", ChangeStage("offer"), Refused(
        "the process has no stage 'offer'; its open stages are review, terms"), "to a stage of another pipeline"),
    Row("in review", ChangeStage("renewed"), Refused(
        "renewed is a won stage, entered by win-opportunity alone; the open stages are review, terms"), "to renewed"),
    Row("in trial", ChangeStage("offer", ("pain",)),
        (StageChanged("trial", "offer", 2, "forward", (), ("pain",)),), "in the newer version"),
    Row("in a stage that is gone", ChangeStage("offer"),
        (StageChanged("demo", "offer", 2, "forward"),), "out of a stage that is gone"),
    Row("in offer", ChangeStage("need", ("price",)), Refused(
        "going back to need asks for no exit criteria; leave criteria_met out"), "back, with criteria met"),
    Row("in offer", ChangeStage("need", (), "hurry"),
        (StageChanged("offer", "need", 1, "back", ("demo",)),), "back, an override that nothing needs"),
    Row("in need", ChangeStage("demo", ("pain", "sponsor"), "hurry"),
        (StageChanged("need", "demo", 1, "forward", (), ("pain", "sponsor")),), "all met, an override too"),
    Row("where a stage is retired", ChangeStage("demo", ("pain", "sponsor")), Refused(
        "demo is retired in favour of offer; the open stages are need, offer"), "into a retired stage"),
    Row("where a stage is retired", ChangeStage("offer", ("pain", "sponsor")),
        (StageChanged("need", "offer", 1, "forward", (), ("pain", "sponsor")),), "past a retired stage"),
    Row("in a retired stage", ChangeStage("demo"), (), "to the retired stage that it is in"),
    Row("in a retired stage", ChangeStage("offer"),
        (StageChanged("demo", "offer", 1, "forward"),), "out of a retired stage"),
    Row("in a retired process", ChangeStage("offer"),
        (StageChanged("demo", "offer", 1, "forward"),), "in a retired process"),
]  # fmt: skip

PIPELINES = [
    Row("in offer", ChangePipeline("process-sales"),
        (PipelineChanged("process-sales", 2, "offer"),), "to the newest version, to the stage of that name"),
    Row("open", ChangePipeline("process-sales"), Refused(
        "the process has no stage 'demo'; its open stages are need, trial, offer"), "without a stage of that name"),
    Row("open", ChangePipeline("process-sales", {"demo": "trial", "trial": "offer"}),
        (PipelineChanged("process-sales", 2, "trial", {"demo": "trial", "trial": "offer"}),), "to a stage as said"),
    Row("open", ChangePipeline("process-sales", {"demo": "won"}), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, trial, offer"), "to won"),
    Row("in offer", ChangePipeline("process-renewals", {"offer": "terms"}),
        (PipelineChanged("process-renewals", 1, "terms", {"offer": "terms"}),), "to another process"),
    Row("in trial", ChangePipeline("process-sales"), (), "to the version that it follows"),
    Row("in trial", ChangePipeline("process-sales", {"trial": "offer"}), (), "to its own, past the exit criteria"),
    Row("open", ChangePipeline("process-waning"), Refused(
        "demo is retired in favour of offer; the open stages are need, offer"), "to a retired stage"),
    Row("open", ChangePipeline("process-ended"), Refused(
        "change-pipeline: process-ended is retired; move the deal to another process"), "to a retired process"),
    Row("in a retired process", ChangePipeline("process-sales", {"demo": "need"}),
        (PipelineChanged("process-sales", 2, "need", {"demo": "need"}),), "out of a retired process"),
    Row("in a retired process", ChangePipeline("process-ended", {"demo": "trial"}),
        (PipelineChanged("process-ended", 2, "trial", {"demo": "trial"}),), "to the last version of a retired process"),
    Row("open", ChangePipeline("process-draft"), Refused(
        "process-draft is not published: publish it first (publish-process)"), "to a draft"),
]  # fmt: skip

CLOSING = [
    Row("open", WinOpportunity(eur("950"), "Globex"),
        (OpportunityWon(eur("950"), "Globex"), customer("Globex")), "on other terms"),
    Row("in offer", WinOpportunity(), Refused(
        "leaving offer forward needs price: say it in criteria_met, or give an override_reason"), "criterion unmet"),
    Row("in offer", WinOpportunity(criteria_met=("prize",)), Refused(
        "offer has no exit criterion prize; it has: price"), "criterion unknown"),
    Row("in offer", WinOpportunity(criteria_met=("price",), override_reason="signed"),
        (OpportunityWon(eur("900"), "", ("price",)), customer("")), "all met, an override that nothing needs"),
    Row("in offer", WinOpportunity(override_reason="signed"),
        (OpportunityWon(eur("900"), "", (), "signed"), customer("")), "overridden"),
    Row("in a stage that is gone", WinOpportunity(), (OpportunityWon(eur("900")), customer("")), "stage gone"),
    Row("won", WinOpportunity(eur("900.00"), "Acme"), (), "the same terms said"),
    Row("won without an account", WinOpportunity(account="Acme"), won("win-opportunity"), "an account after the win"),
    Row("lost", replace(REOPEN, to_stage="offer"),
        (OpportunityReopened("offer", "they cancelled"),), "in another stage"),
    Row("won", replace(REOPEN, to_stage="won"), Refused(
        "won is a won stage, entered by win-opportunity alone; the open stages are need, demo, offer"), "as won"),
    Row("lost", replace(REOPEN, to_stage="trial"), Refused(
        "the process has no stage 'trial'; its open stages are need, demo, offer"), "in a later version's stage"),
    Row("absent", replace(OPEN, source=""),
        (replace(OPENED, process_version=2, stage="need", source="fair"),), "with its lead's source"),
    Row("absent", replace(OPEN, source="", lead="lead-9"),
        (replace(OPENED, process_version=2, stage="need", source="", lead="lead-9"),), "of a lead that nobody knows"),
    Row("open", replace(OPEN, source="", stage="demo"), (), "again, as its lead says"),
    Row("renewed", REOPEN,
        (OpportunityReopened("review", "they cancelled"), no_customer("Acme")), "in another pipeline"),
    Row("deleted when it was won", RestoreOpportunity("no test"), (OpportunityRestored("no test"), customer("Acme"))),
    Row("reopened in need", replace(REOPEN, to_stage="need"), (), "where it was reopened"),
    Row("reopened in need", LoseOpportunity("timing"), (OpportunityLost("timing"),), "after a win"),
    Row("open", WinOpportunity(override_reason="hurry"), (WON, customer("Acme")), "an override that nothing needs"),
    Row("lost in a retired stage", REOPEN, Refused(
        "demo is retired in favour of offer; the open stages are need, offer"), "in a retired stage"),
    Row("lost in a retired stage", replace(REOPEN, to_stage="offer"),
        (OpportunityReopened("offer", "they cancelled"),), "in the one that replaced it"),
    Row("in a retired process", WinOpportunity(),
        (OpportunityWon(eur("900")), customer("")), "in a retired process"),
]  # fmt: skip


@every(("given", "when", "then"), rows([*OPENING, *MOVING, *PIPELINES, *CLOSING]))
def test_a_command_leads_to_these_facts_or_is_refused_in_these_words(given, when, then):
    check(OPPORTUNITY, fold(OPPORTUNITY, (STATES | DEALS)[given]), when, then, Context(STREAM, READ))
