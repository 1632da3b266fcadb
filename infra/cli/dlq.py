"""The verbs `kafka dlq list`, `show`, `retry` and `drop`: what a consumer could not use, and what becomes of it."""

from base64 import b64encode
from typing import TYPE_CHECKING, Annotated, Any

from domain.errors import NotFound
from infra.cli.grammar import App, Parameter
from infra.cli.groups import WAYS
from infra.cli.options import HERE, Options, note, stdout
from infra.cli.output import Table

if TYPE_CHECKING:
    from infra.kafka.dead_letters import DeadLetters, Foreign, Letter

LEAD_INTAKE = "lead_intake"

Consumer = Annotated[str, Parameter(help="Whose letters: those of lead_intake.")]
Group = Annotated[str, Parameter(help="The consumer group; empty means the consumer's own.", example="reports")]
Chosen = Annotated[
    str | None, Parameter(help="Which letter, as `kafka dlq list` names it.", example="sales.lead.intake.v1:0:17")
]
Every = Annotated[bool, Parameter(name="--all", help="All letters that are there now.")]


def register(app: App) -> None:
    """Add the verbs."""
    kafka = app.noun("kafka", group=WAYS)
    letters = kafka.noun("dlq", "Dead letters: messages that a consumer could not use, with the reason.")
    letters.command(list_letters, name="list")
    letters.command(show)
    letters.command(retry)
    letters.command(drop)


def list_letters(*, consumer: Consumer = LEAD_INTAKE, group: Group = "", asking: Options = HERE) -> None:
    """The letters that are there, with when and why each was put aside."""
    found, others = dead(consumer, group, asking).contents()
    if asking.json:
        return asking.answer([*map(summary, found), *map(foreign_summary, others)])
    if not found and not others:
        return stdout().text("there are no dead letters")
    table = Table("letter", "when", "key", "kind", "reason")
    for each in (*map(summary, found), *map(foreign_summary, others)):
        when = f"{each['at']:%Y-%m-%d %H:%M:%S}Z"
        table.add(each["id"], when, each["key"] or "", each["kind"], each["reason"])
    stdout().table(table)


def show(letter: Chosen, *, consumer: Consumer = LEAD_INTAKE, group: Group = "", asking: Options = HERE) -> None:
    """One letter with the message in full: it may say things about a person."""
    [found] = dead(consumer, group, asking).chosen(letter, every=False, tell=note)
    headers = [(name, printable(value)) for name, value in found.message.headers]
    value = found.message.value
    if asking.json:
        encoded = None if value is None else b64encode(value).decode()
        message = {"headers": headers, "value": printable(value), "value_base64": encoded}
        return asking.answer({**summary(found), **message})
    out = stdout()
    for name, text in (*summary(found).items(), *((f"header {name}", text) for name, text in headers)):
        out.print(f"{name:<12} {'' if text is None else text}")
    out.print("no value" if value is None else printable(value) or "")


def retry(
    letter: Chosen = None,
    *,
    every: Every = False,
    consumer: Consumer = LEAD_INTAKE,
    group: Group = "",
    asking: Options = HERE,
) -> None:
    """Send the original messages again, under the ids that they had, and take the letters out."""
    letters = dead(consumer, group, asking)
    found = letters.chosen(letter, every, note)
    letters.retry(found)
    report_letters(asking, "sent again", "retried", found)


def drop(
    letter: Chosen = None,
    *,
    every: Every = False,
    consumer: Consumer = LEAD_INTAKE,
    group: Group = "",
    asking: Options = HERE,
) -> None:
    """Take letters out for good."""
    letters = dead(consumer, group, asking)
    found = letters.chosen(letter, every, note)
    letters.drop(found)
    report_letters(asking, "dropped", "dropped", found)


def dead(consumer: str, group: str, asking: Options) -> "DeadLetters":
    """The letters of a consumer. Raises NotFound for one that has none."""
    from infra.kafka.dead_letters import DeadLetters
    from infra.kafka.topics import INTAKE

    if consumer != LEAD_INTAKE:
        raise NotFound(f"--consumer: {consumer!r} puts no letters aside; {LEAD_INTAKE} does")
    return DeadLetters(asking.settings().kafka, INTAKE, group or consumer)


def summary(letter: "Letter") -> dict[str, Any]:
    """A letter without its message."""
    key = printable(letter.message.key)
    return {"id": letter.id, "at": letter.at, "key": key, "kind": letter.kind, "reason": letter.reason}


def foreign_summary(record: "Foreign") -> dict[str, Any]:
    """A record that is no letter, by its own place in the topic of letters."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    kind = "Foreign"
    return {
        "id": record.id,
        "at": record.at,
        "key": printable(record.key),
        "kind": kind,
        "reason": record.reason,
        **place,
    }


def printable(raw: bytes | None) -> str | None:
    """Bytes as text, those that are none written out."""
    return None if raw is None else raw.decode(errors="backslashreplace")


def report_letters(asking: Options, done: str, name: str, letters: "list[Letter]") -> None:
    """What was done to which letters."""
    if asking.json:
        return asking.answer({name: [letter.id for letter in letters]})
    stdout().text(f"{done}  {len(letters)}")
