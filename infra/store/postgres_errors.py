"""What PostgreSQL complains of, in our own terms: the one place for the log, the tables, the leases and read models."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from psycopg_pool import PoolTimeout

from domain.errors import Forbidden, Unavailable

DAMAGED = (psycopg.errors.DataCorrupted, psycopg.errors.IndexCorrupted, psycopg.errors.InternalError_)  # its files


@contextmanager
def translated(what: str) -> Generator[None]:
    """Raise Forbidden or Unavailable, saying of what, for what is not ours to mend."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise Forbidden(f"{what} does not allow it: {error}") from error
    except (psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, *DAMAGED) as error:
        raise Unavailable(f"{what} cannot be used: {error}") from error
