"""The reference of commands and settings is what the program says: `make generate` writes it."""

from infra.settings import TABLES, Settings
from tests import reference_pages
from tests.offenders import every


def test_the_page_of_commands_is_as_the_program_has_them() -> None:
    said = reference_pages.COMMANDS.read_text()
    assert said == reference_pages.commands_page(), "docs/reference/commands.md: run `make generate`"


def test_the_page_of_settings_is_as_the_program_has_them() -> None:
    said = reference_pages.SETTINGS.read_text()
    assert said == reference_pages.settings_page(), "docs/reference/settings.md: run `make generate`"


@every("struct", [Settings, *TABLES.values()], ids=lambda struct: struct.__name__)
def test_every_setting_has_a_meaning_and_no_meaning_is_of_none(struct: type[Settings]) -> None:
    assert set(reference_pages.meanings(struct)) == set(struct.__struct_fields__)


def test_a_cell_breaks_no_table() -> None:
    assert reference_pages.cell("one | two\n<b>") == "one \\| two &lt;b>"
