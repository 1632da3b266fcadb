"""The numbered steps that make the control tables: plain SQL that both databases read, each in its own transaction.

A step is never changed once it was released: what is to be different is a step more.
"""

STEPS: tuple[tuple[str, ...], ...] = (
    (
        # digest: SHA-256 of the secret, hexadecimal; roles and scopes: separated by commas; times in microseconds since
        # 1970 UTC, 0 for never
        """CREATE TABLE api_keys (
            prefix TEXT PRIMARY KEY, digest TEXT NOT NULL, actor TEXT NOT NULL, roles TEXT NOT NULL,
            owner TEXT NOT NULL, scopes TEXT NOT NULL, created_at BIGINT NOT NULL, created_by TEXT NOT NULL,
            expires_at BIGINT NOT NULL, revoked_at BIGINT NOT NULL, revoked_by TEXT NOT NULL)""",
    ),
    (
        # types, kinds, streams: JSON arrays; secret: in clear, as it signs; revision: counts what people changed
        """CREATE TABLE webhooks (
            id TEXT PRIMARY KEY, url TEXT NOT NULL, types TEXT NOT NULL, kinds TEXT NOT NULL, streams TEXT NOT NULL,
            secret TEXT NOT NULL, position BIGINT NOT NULL, revision BIGINT NOT NULL, state TEXT NOT NULL,
            failures BIGINT NOT NULL, next_attempt_at BIGINT NOT NULL, problem TEXT NOT NULL,
            created_at BIGINT NOT NULL, created_by TEXT NOT NULL)""",
    ),
    (
        # query: as an address has it, without its moment; shared: 1 where everybody finds it
        """CREATE TABLE saved_views (
            id TEXT PRIMARY KEY, actor TEXT NOT NULL, page TEXT NOT NULL, name TEXT NOT NULL, query TEXT NOT NULL,
            shared BIGINT NOT NULL, created_at BIGINT NOT NULL, UNIQUE (actor, page, name))""",
    ),
)
"""The step of number 1 stands first. Step 0 makes the tables that these are kept in."""
BOOKS = (
    "CREATE TABLE control (one INTEGER PRIMARY KEY CHECK (one = 1), log TEXT NOT NULL)",
    "CREATE TABLE migrations (number INTEGER PRIMARY KEY, applied_at BIGINT NOT NULL)",
)
OURS = frozenset({"one", "log"})
"""The columns of `control`, by which tables are known to be ours."""
