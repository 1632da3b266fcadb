"""The tables of the log on PostgreSQL, and the one function by which anybody appends to them.

Two roles are enough. The owner creates all this and is nobody's login afterwards. The role that the service logs in
as needs CONNECT on the database, USAGE on the schema, SELECT on the tables, EXECUTE on the function, and, to clean up
after people who were forgotten, MAINTAIN on keys and tokens; `grants` spells them out. It cannot insert past the
function, so it cannot skip the lock, choose a position, or write a time of recording; and it cannot take away a
person's key without the fact that says so.
"""

from functools import reduce
from typing import NamedTuple

from psycopg.sql import SQL, Composed, Identifier, Literal

from domain.reference.subject import PREFIX, SubjectErased
from infra.store.log import INDEX

EVENT_COLUMNS = """
    originator_id text COLLATE "C", originator_version bigint, occurred_at bigint, event_id uuid, topic text,
    actor text, on_behalf_of text, reason text, command_id text, correlation_id text, causation_id text,
    source_system text, source_id text, batch text, history text"""
ENVELOPE_NAMES = [column.split()[0] for column in EVENT_COLUMNS.split(",")]


class Names(NamedTuple):
    """All that belongs to one log; named after its table of events, so that several may share a schema."""

    schema: str
    events: str
    answers: str
    keys: str
    tokens: str
    history: str
    identity: str
    append: str

    @classmethod
    def beside(cls, schema: str, events: str) -> "Names":
        """The names that go with a table of events."""
        stem = events.removesuffix("events")
        others = (f"{stem}{what}" for what in ("answers", "keys", "tokens", "history", "identity"))
        return cls(schema, events, *others, append=f"append_to_{events}")

    def quoted(self, name: str) -> str:
        """A name with its schema, as it stands in SQL."""
        return Identifier(self.schema, name).as_string()


def filled(names: Names, text: str) -> Composed:
    """SQL with each {name} replaced by the quoted name, {lock} by the log's advisory lock."""
    parts = {name: Identifier(names.schema, value) for name, value in names._asdict().items()}
    parts["schema"] = Identifier(names.schema)
    lock = SQL("hashtextextended({}, 0)").format(Literal(f"{names.schema}.{names.events}"))
    parts |= {"tokens_subject": Identifier(f"{names.tokens}_subject"), "channel": Identifier(names.events)}
    return SQL(text).format(**parts, lock=lock)  # type: ignore[arg-type]


def create_statements(names: Names) -> list[Composed]:
    """Everything that a log needs, created where it is missing."""
    columns = EVENT_COLUMNS.replace(",", " NOT NULL,")
    tables = f"""
        CREATE TABLE IF NOT EXISTS {{events}} (
            notification_id bigint GENERATED ALWAYS AS IDENTITY, recorded_at bigint NOT NULL, {columns} NOT NULL,
            state bytea NOT NULL,
            PRIMARY KEY (originator_id, originator_version), UNIQUE (notification_id));
        ALTER TABLE {{events}} ADD COLUMN IF NOT EXISTS history text NOT NULL DEFAULT '';
        CREATE TABLE IF NOT EXISTS {{answers}} (
            command_id text COLLATE "C" NOT NULL, actor text COLLATE "C" NOT NULL, digest bytea NOT NULL,
            facts text NOT NULL, PRIMARY KEY (command_id, actor));
        CREATE TABLE IF NOT EXISTS {{keys}} (subject text COLLATE "C" PRIMARY KEY, wrapped bytea NOT NULL);
        CREATE TABLE IF NOT EXISTS {{tokens}} (
            token bytea NOT NULL, subject text COLLATE "C" NOT NULL, PRIMARY KEY (token, subject));
        CREATE INDEX IF NOT EXISTS {{tokens_subject}} ON {{tokens}} (subject)"""
    statements = [filled(names, each) for each in (*tables.split(";\n"), HISTORY, APPEND, PRIVATE, *IDENTITY)]
    return [*statements, *_guards(names)]


IDENTITY = (
    "CREATE TABLE IF NOT EXISTS {identity} (one boolean PRIMARY KEY CHECK (one), identity text NOT NULL)",
    "INSERT INTO {identity} SELECT true, replace(gen_random_uuid()::text, '-', '') ON CONFLICT DO NOTHING",
)

HISTORY = """
CREATE OR REPLACE VIEW {history} AS SELECT
    notification_id AS position, originator_id AS stream, originator_version AS version, topic AS tag,
    timestamptz 'epoch' + occurred_at * interval '1 microsecond' AS occurred_at,
    timestamptz 'epoch' + recorded_at * interval '1 microsecond' AS recorded_at,
    actor, on_behalf_of, reason, event_id, command_id, correlation_id, causation_id, source_system, source_id, batch,
    convert_from(state, 'UTF8') AS event, history
FROM {events}
"""

INSERT = """INSERT INTO {events} (<names>, recorded_at, state)
            SELECT <values>, instant, decode(body, 'base64')
            FROM json_to_recordset(drafts) AS draft (<columns>, body text)"""

# Every append holds one lock from before it reads anything until it has committed. So what it checks stays true,
# positions become visible in their order, and the clock can be clamped to the last time of recording. A statement in
# a function sees what was committed before it began only at READ COMMITTED, hence the first check.
# Answers {time of recording, position, ...}, or for a conflict {-1, which head, its version}, {-2, which answer},
# {-3, which key}, {-4, which key that should stand}, counted from 1, or {-5, last time of recording, clock} where the
# clock is further ahead than the session allows: nothing was written then, so there is nothing to roll back.
# `subjects` is null where an append has no personal data. Only the index of addresses, which is nobody's,
# is erased without a fact, and gets another key afterwards.
_APPEND = """
CREATE OR REPLACE FUNCTION {append}(heads json, drafts json, kept json, subjects json, clock bigint) RETURNS bigint[]
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    conflict bigint[];
    instant bigint;
    place bigint;
    places bigint[];
    erased text[];
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'an append needs READ COMMITTED' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock({lock});
    SELECT ARRAY[-1, head.number, found.version] INTO conflict
    FROM ROWS FROM (json_to_recordset(heads) AS (stream text, version bigint)) WITH ORDINALITY
        AS head (stream, version, number)
    CROSS JOIN LATERAL (
        SELECT coalesce(max(e.originator_version), 0) AS version FROM {events} AS e WHERE e.originator_id = head.stream
    ) AS found
    WHERE found.version <> head.version LIMIT 1;
    IF conflict IS NULL AND kept IS NOT NULL THEN
        SELECT ARRAY[-2, k.number] INTO conflict
        FROM ROWS FROM (json_to_recordset(kept) AS (actor text, command_id text)) WITH ORDINALITY
            AS k (actor, command_id, number)
        JOIN {answers} AS a ON a.command_id = k.command_id AND a.actor = k.actor LIMIT 1;
    END IF;
    IF conflict IS NULL AND subjects IS NOT NULL THEN
        SELECT ARRAY[-3, s.number] INTO conflict
        FROM ROWS FROM (json_to_recordset(subjects->'keys') AS (subject text)) WITH ORDINALITY AS s (subject, number)
        JOIN {keys} AS k ON k.subject = s.subject
        WHERE s.subject NOT IN (SELECT o.subject FROM json_to_recordset(subjects->'standing') AS o (subject text))
        LIMIT 1;
    END IF;
    IF conflict IS NULL AND subjects IS NOT NULL THEN
        SELECT ARRAY[-4, s.number] INTO conflict
        FROM ROWS FROM (json_to_recordset(subjects->'standing') AS (subject text, wrapped text)) WITH ORDINALITY
            AS s (subject, wrapped, number)
        LEFT JOIN {keys} AS k ON k.subject = s.subject
        WHERE k.wrapped IS DISTINCT FROM decode(s.wrapped, 'base64') LIMIT 1;
    END IF;
    IF conflict IS NOT NULL THEN RETURN conflict; END IF;
    IF subjects IS NOT NULL AND (
        EXISTS (
            SELECT FROM json_array_elements_text(subjects->'erase') AS e (subject)
            WHERE e.subject <> <all> AND NOT EXISTS (
                SELECT FROM json_to_recordset(drafts) AS d (originator_id text, topic text)
                WHERE d.originator_id = <of> || e.subject AND d.topic = <fact>)
        ) OR EXISTS (
            SELECT FROM json_to_recordset(subjects->'keys') AS s (subject text, wrapped text)
            LEFT JOIN {keys} AS k ON k.subject = s.subject
            WHERE coalesce(s.wrapped, '') = '' OR (k.wrapped = ''::bytea AND s.subject <> <all>)
        )
    ) THEN
        RAISE EXCEPTION 'a key goes only together with the fact that its subject was erased, and never comes back'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT e.recorded_at INTO instant FROM {events} AS e ORDER BY e.notification_id DESC LIMIT 1;
    clock := coalesce(clock, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
    IF clock - instant > nullif(current_setting('dealtrail.clock_ahead', true), '')::bigint THEN
        RETURN ARRAY[-5, instant, clock];
    END IF;
    instant := greatest(instant, clock);
    IF drafts IS NOT NULL AND json_array_length(drafts) = 1 THEN
        <insert> RETURNING notification_id INTO place;  -- the usual case, quicker than collecting
        places := ARRAY[place];
    ELSIF drafts IS NOT NULL THEN
        WITH stored AS (<insert> RETURNING notification_id)
        SELECT array_agg(notification_id ORDER BY notification_id) INTO places FROM stored;
    END IF;
    IF drafts IS NOT NULL THEN NOTIFY {channel}; END IF;
    IF kept IS NOT NULL THEN
        INSERT INTO {answers} (actor, command_id, digest, facts)
        SELECT k.actor, k.command_id, decode(k.digest, 'base64'), k.facts
        FROM json_to_recordset(kept) AS k (actor text, command_id text, digest text, facts text);
    END IF;
    IF subjects IS NOT NULL THEN
        DELETE FROM {keys} AS k USING json_to_recordset(subjects->'keys') AS s (subject text)
        WHERE k.subject = s.subject;
        INSERT INTO {keys} (subject, wrapped) SELECT s.subject, decode(s.wrapped, 'base64')
        FROM json_to_recordset(subjects->'keys') AS s (subject text, wrapped text);
        INSERT INTO {tokens} (token, subject) SELECT decode(s.token, 'base64'), s.subject
        FROM json_to_recordset(subjects->'tokens') AS s (token text, subject text) ON CONFLICT DO NOTHING;
        erased := ARRAY(SELECT json_array_elements_text(subjects->'erase'));
        IF erased <> '{{}}' THEN
            DELETE FROM {tokens} AS i WHERE i.subject = ANY (erased) OR <all> = ANY (erased);
            DELETE FROM {keys} AS k WHERE k.subject = ANY (erased);
            INSERT INTO {keys} (subject, wrapped) SELECT DISTINCT unnest(erased), ''::bytea;
        END IF;
    END IF;
    RETURN instant || places;
END $$
"""
_NAMES = ", ".join(ENVELOPE_NAMES)
_VALUES = _NAMES.replace("history", "coalesce(history, '')")
_PARTS = {
    "<insert>": INSERT, "<names>": _NAMES, "<values>": _VALUES, "<columns>": EVENT_COLUMNS,
    "<all>": f"'{INDEX}'", "<of>": f"'{PREFIX}'", "<fact>": f"'{SubjectErased.__struct_config__.tag}'",
}  # fmt: skip
APPEND = reduce(lambda text, part: text.replace(*part), _PARTS.items(), _APPEND)

PRIVATE = "REVOKE ALL ON FUNCTION {append}(json, json, json, json, bigint) FROM PUBLIC"

REFUSE = """
CREATE OR REPLACE FUNCTION {schema}.refuse_to_change_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % refused: history is append-only', TG_OP, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
"""


def _guards(names: Names) -> list[Composed]:
    """ENABLE ALWAYS: an ordinary trigger does not fire under session_replication_role = replica.

    A subject's key may be deleted: that is how a person is forgotten.
    """
    refused = {"events": "UPDATE OR DELETE OR TRUNCATE", "answers": "UPDATE OR DELETE OR TRUNCATE"}
    refused |= {"identity": "UPDATE OR DELETE OR TRUNCATE", "keys": "UPDATE OR TRUNCATE"}
    statements = [REFUSE]
    for table, operations in refused.items():
        statements.append(
            f"CREATE OR REPLACE TRIGGER refuse_to_change_history BEFORE {operations} ON {{{table}}} "
            "FOR EACH STATEMENT EXECUTE FUNCTION {schema}.refuse_to_change_history()"
        )
        statements.append(f"ALTER TABLE {{{table}}} ENABLE ALWAYS TRIGGER refuse_to_change_history")
    return [filled(names, statement) for statement in statements]


def grants(names: Names, role: str, maintain: bool = False) -> list[Composed]:
    """What the role that the service logs in as needs inside the database, and no more.

    `maintain` also lets it clean up after an erasure, which before PostgreSQL 17 only the owner can.
    """
    to = Identifier(role).as_string()
    statements = (
        f"GRANT USAGE ON SCHEMA {{schema}} TO {to}",
        f"GRANT SELECT ON {{events}}, {{answers}}, {{keys}}, {{tokens}}, {{history}}, {{identity}} TO {to}",
        f"GRANT EXECUTE ON FUNCTION {{append}}(json, json, json, json, bigint) TO {to}",
        *([f"GRANT MAINTAIN ON {{keys}}, {{tokens}} TO {to}"] if maintain else []),
    )
    return [filled(names, statement) for statement in statements]
