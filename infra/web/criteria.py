"""To qualify a lead: the questions of a framework as one form, with what was answered already."""

from collections.abc import Mapping
from typing import NamedTuple

from domain import BY_KIND
from domain.changes import fields_by_name
from domain.errors import Conflict, NotFound, PipelineError
from domain.history import History
from domain.lead.capture import LeadCaptured
from domain.lead.qualification import Answers, AssessCriterion, QualifyLead
from domain.recorded import Request
from domain.reference.framework import Criterion, Published
from infra.application.histories import LATEST
from infra.application.seen import Overtaken
from infra.identity.masking import MASKED
from infra.privacy.vault import FORGOTTEN, UNREADABLE
from infra.web.forms import STATUS, overtaking, values_of, version_of
from infra.web.page import Page, Reply, Visit, see_other
from infra.web.records import history_of, title_of

STANDARD = QualifyLead().framework
VERB = "qualify-lead"


class Question(NamedTuple):
    """A criterion with the answer that it has, or that was typed. met: whether that is enough, None without one."""

    criterion: Criterion
    answer: str
    evidence: str
    met: bool | None


def criteria_form(visit: Visit) -> Page:
    """The questions of a framework, as a lead answered them."""
    return form(visit, {})


def answered(visit: Visit) -> Page | Reply:
    """Keep the answers that are new; then qualify the lead, where that was wanted, or say what is unmet."""
    values = values_of(visit)
    stream, framework = visit.path["id"], values.get("framework", STANDARD)
    try:
        seen = None if values.get("seen") == "any" else version_of(values.get("seen", "0"))
        commands = list[AssessCriterion | QualifyLead](new_answers(visit, framework, values))
        if values.get("then") == "qualify":
            commands.append(QualifyLead(framework, values.get("override_reason", "")))
        for command in commands:
            receipt = visit.carry_out(Request(stream=stream, command=command, actor=visit.actor), "lead", seen)
            if seen is not None:
                seen = max((version for name, version in receipt.facts if name == stream), default=seen)
    except PipelineError as error:
        return form(visit, values, error)
    return see_other(f"/leads/{stream}?done={'Qualified' if values.get('then') == 'qualify' else 'Answers+kept'}")


def new_answers(visit: Visit, framework: str, values: Mapping[str, str]) -> list[AssessCriterion]:
    """What a form answers otherwise than the lead did until now."""
    found = list[AssessCriterion]()
    for each in questions(visit, framework, {}):
        name = each.criterion.id
        answer, evidence = values.get(f"answer-{name}", ""), values.get(f"evidence-{name}", "")
        if answer and (answer, evidence) != (each.answer, each.evidence):
            found.append(AssessCriterion(name, answer, framework, evidence))
    return found


def form(visit: Visit, values: Mapping[str, str], error: PipelineError | None = None) -> Page:
    """The page of the form; of one that was refused, with why, and with what was typed."""
    stream = visit.path["id"]
    history = history_of(visit, stream, LATEST)
    frameworks = published(visit)
    chosen = values.get("framework") or visit.one("framework") or framework_of(history, frameworks)
    overtaken = overtaking(visit, error) if isinstance(error, Overtaken) else []
    parts = {
        "frameworks": {name: each.name for name, each in frameworks.items()},
        "framework": chosen,
        "questions": questions(visit, chosen, values),
        "override": values.get("override_reason", ""),
        "seen": "any" if isinstance(error, Conflict) else str(history.version),
        "refused": "" if error is None or overtaken else str(error),
        "overtaken": overtaken,
        "back": f"/leads/{stream}",
    }
    status = 200 if error is None else STATUS.get(type(error).__name__, 500)
    title = title_of(stream, fields_by_name(history.state, LeadCaptured))
    return Page("criteria.html", f"Qualify {title}", parts, status=status)


def questions(visit: Visit, framework: str, values: Mapping[str, str]) -> list[Question]:
    """The criteria of a framework, each as it was answered, or as it was typed now."""
    found = published(visit).get(framework)
    if found is None:
        return []
    answers = answers_of(history_of(visit, visit.path["id"], LATEST))
    listed = list[Question]()
    for each in found.criteria:
        answer, evidence = answers.get((framework, each.id), ("", ""))
        evidence = "" if evidence in (FORGOTTEN, UNREADABLE, MASKED) else evidence
        answer = values.get(f"answer-{each.id}", "" if values else answer)
        evidence = values.get(f"evidence-{each.id}", "" if values else evidence)
        listed.append(Question(each, answer, evidence, answer in each.met if answer else None))
    return listed


def answers_of(history: History) -> Answers:
    """What a lead answered until now. Raises NotFound where there is no such lead."""
    if history.state is None:
        raise NotFound(f"id: there is no {history.stream}")
    return history.state.lead.answers


def published(visit: Visit) -> dict[str, Published]:
    """The frameworks that there are, by their streams."""
    found = dict[str, Published]()
    for facts in visit.app.log.scan_kind("framework", LATEST):
        state = History(facts[0].stream, BY_KIND["framework"], facts).state
        if isinstance(state, Published):
            found[facts[0].stream] = state
    return found


def framework_of(history: History, frameworks: Mapping[str, Published]) -> str:
    """The framework of a lead: that of its answers, else the usual one, else the first; empty where there is none."""
    held = [framework for framework, _ in answers_of(history)]
    return next((name for name in (*held, STANDARD, *frameworks) if name in frameworks), "")
