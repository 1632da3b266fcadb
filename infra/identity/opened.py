"""A log as a caller reads it: what is personal is opened, or masked where it is not theirs to read."""

from collections.abc import Callable
from datetime import datetime, tzinfo
from typing import Any

from msgspec import Struct

from domain.personal import personal_texts
from infra.application.app import App
from infra.application.histories import LATEST
from infra.application.spans import Today
from infra.identity.masking import MASKED, masked
from infra.privacy.vault import FORGOTTEN, UNREADABLE, Vault


class Opened:
    """An installation as lists, records and timelines read it. Stands for its vault as well: it opens what that does.

    saw_personal: whether something was opened that says something about a person.
    """

    def __init__(self, app: App, personal: bool) -> None:
        self.log, self._app, self._vault, self._personal = app.log, app, app.vault, personal
        self.saw_personal = False

    @property
    def vault(self) -> Vault:
        """What opens."""
        return self  # type: ignore[return-value]  # pyright: ignore[reportReturnType] - all that is asked of one

    @property
    def veil(self) -> Callable[[Any], Any] | None:
        """What hides personal texts, and forbids to look for names; None where they may be read."""
        return None if self._personal else masked

    def zone(self, known_at: int = LATEST) -> tzinfo:
        """The organisation's zone."""
        return self._app.zone(known_at)

    def now(self) -> datetime:
        """What time it is."""
        return self._app.now()

    def today(self) -> Today:
        """The day that it is."""
        return self._app.today()

    @property
    def is_outdated(self) -> bool:
        """Whether somebody was erased since."""
        return self._vault.is_outdated

    def refresh(self) -> None:
        """Forget whom others erased."""
        self._vault.refresh()

    def knows(self, subject: str) -> bool:
        """Whether there is a key of a subject."""
        return self._vault.knows(subject)

    def erased(self, subject: str) -> bool:
        """Whether a subject was erased."""
        return self._vault.erased(subject)

    def word_tokens(self, name: str) -> list[bytes]:
        """What the words of a name are looked up by."""
        return self._vault.word_tokens(name)

    def open(self, stream: str, event: Any) -> Any:
        """An event, opened or masked."""
        opened = self._vault.open(stream, event)
        if not isinstance(opened, Struct):
            return opened
        replacement = getattr(opened, "replacement", None)
        for inner in (opened, replacement):
            if isinstance(inner, Struct):
                self._note(personal_texts(inner).values())
        return opened if self._personal else masked(opened)

    def open_text(self, stream: str, field: str, text: str) -> str:
        """A text, opened or masked."""
        opened = self._vault.open_text(stream, field, text)
        self._note([opened])
        return opened if self._personal or opened in ("", FORGOTTEN) else MASKED

    def _note(self, texts: Any) -> None:
        if self._personal and any(text and text not in (FORGOTTEN, UNREADABLE) for text in texts):
            self.saw_personal = True
