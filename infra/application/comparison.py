"""What is different between two moments, on either axis, and the waterfall from one to the other."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from domain.errors import Malformed
from domain.recorded import instant
from infra.application.answers import rows
from infra.application.moments import at, before, moment_known, position, position_before

if TYPE_CHECKING:
    from infra.application.app import App
    from infra.application.questions import Text
    from infra.views import Answer, Explained
    from projections.figures.waterfall.differences import DealDifference
    from projections.query.question import Question

AXES = ("effective", "known")
FORMS = ("path", "net")
TAKEN = ("since", "until", "known_before", "mode")  # which the two moments and the form say already


class Comparison(NamedTuple):
    """The two moments as a question of the waterfall, its answer, and the deals that are not what they were."""

    question: "Question"
    waterfall: "Answer"
    differences: "list[DealDifference]"

    def document(self, axis: str, form: str) -> dict[str, Any]:
        """The JSON form."""
        return {
            "axis": axis, "form": form, **ends(self.question, self.waterfall), "counts": counts(self.differences),
            "differences": msgspec.to_builtins(self.differences), "waterfall": rows(self.waterfall),
            "left_out": self.waterfall.left_out,
        }  # fmt: skip


def comparison(
    app: "App", first: str, second: str, axis: str, form: str, texts: "Mapping[str, Text]", forced: Collection[str] = ()
) -> Comparison:
    """What is different between two moments; `texts` are the other parts of the question, `forced` those nobody said.

    Raises Malformed naming a part that the two moments say already, or that cannot be asked so.
    """
    from infra.application.questions import check_values  # SQL takes its time to load

    with app.views() as views:
        question = waterfall_question(app, first, second, axis, form, texts)
        differences = views.compare(question)
        waterfall = views.ask("waterfall", question)
        check_values(views, question, forced)
    return Comparison(question, waterfall, differences)


def behind(
    app: "App", first: str, second: str, axis: str, form: str, texts: "Mapping[str, Text]", forced: Collection[str] = ()
) -> "Explained":
    """The rows behind each step of the waterfall between two moments. Raises as `comparison` does."""
    from infra.application.questions import check_values

    with app.views() as views:
        question = waterfall_question(app, first, second, axis, form, texts)
        explained = views.explain("waterfall", question)
        check_values(views, question, forced)
    return explained


def waterfall_question(
    app: "App", first: str, second: str, axis: str, form: str, texts: "Mapping[str, Text]"
) -> "Question":
    """The question of the waterfall between two moments."""
    from infra.application.questions import question as read_question

    if strange := [name for name in texts if name in TAKEN]:
        raise Malformed(f"{strange[0]}: the two moments and the form say that already")
    question = read_question(app, texts)
    if axis == "known":
        if "known_at" in texts:
            raise Malformed("known_at: on the known axis the two moments are those")
        since, until = position_before(app, first, "moment"), position(app, second, "moment")
        moment = question.effective_at if "effective_at" in texts else moment_known(app, second, "moment")
        question = replace(question, known_before=since, known_at=until, effective_at=moment, mode=form)
    else:
        if "effective_at" in texts:
            raise Malformed("effective_at: on the effective axis the two moments are those")
        since, until = before(app, "moment", first), at(app, "moment", second)
        question = replace(question, since=since + 1, until=until + 1, effective_at=until, mode=form)
    if since >= until:
        raise Malformed(f"{first}: the first moment must lie before the second, {second}")
    return question


def ends(question: "Question", waterfall: "Answer") -> dict[str, Any]:
    """The two moments, on both axes."""
    if question.since is not None and question.until is not None:
        positions = waterfall.known_at, waterfall.known_at
        times = question.since - 1, question.until - 1
    else:
        positions = question.known_before, waterfall.known_at
        times = waterfall.effective_at, waterfall.effective_at
    return {
        name: {"known_at": known_at, "effective_at": instant(time)}
        for name, known_at, time in zip(("from", "to"), positions, times, strict=True)
    }


def counts(different: Sequence["DealDifference"]) -> dict[str, int]:
    """How many deals there are of each kind of difference, in the order of the kinds."""
    from projections.figures.waterfall.differences import KINDS

    counted = Counter(kind for each in different for kind in each.kinds)
    return {kind: counted[kind] for kind in KINDS if counted[kind]}
