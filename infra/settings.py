"""What an installation decides for itself: a TOML file, overridden by the environment, overridden by the caller."""

import getpass
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from domain.errors import Malformed

FILE = Path("dealtrail.toml")
PREFIX = "DEALTRAIL_"


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings, by their names in dealtrail.toml; DEALTRAIL_DB and so on in the environment come first.

    db: where the log is, `sqlite:///FILE` or `postgresql://…`. key_file: the master key that personal fields are
    sealed under, one for each log; empty means beside an SQLite log, or named after the database. actor: who asks;
    empty means the user logged in.
    """

    db: str = "sqlite:///dealtrail.db"
    key_file: str = ""
    actor: str = ""

    @property
    def key_path(self) -> Path:
        """The file of the master key."""
        if self.key_file:
            return Path(self.key_file)
        if self.db.startswith("sqlite:///"):
            return Path(self.db.removeprefix("sqlite:///")).with_suffix(".key")
        return Path(f"{urlsplit(self.db).path.strip('/') or 'dealtrail'}.key")

    @property
    def who(self) -> str:
        """Who asks, where nobody says otherwise."""
        return self.actor or getpass.getuser()


def read_settings(environment: Mapping[str, str] = os.environ, file: Path = FILE, **given: str | None) -> Settings:
    """The settings of this installation; what is `given` and not None comes first. Malformed names a bad one."""
    known = Settings.__struct_fields__
    try:
        values = tomllib.loads(file.read_text()) if file.exists() else {}
        values |= {name: environment[PREFIX + name.upper()] for name in known if environment.get(PREFIX + name.upper())}
        values |= {name: value for name, value in given.items() if value is not None}
        return msgspec.convert(values, Settings)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError, OSError) as error:
        raise Malformed(f"{file}: {error}") from error
