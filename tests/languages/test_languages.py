"""Which language a reader gets, and how catalogs are read."""

import io
from pathlib import Path

import msgspec
import pytest
from babel.messages.pofile import read_po

from api.lib.languages import ENGLISH, LANGUAGES, Language, choose, read_catalog
from tests.support.translations import FOLDER

CATALOGS = sorted(FOLDER.glob("*.po"))


@pytest.mark.parametrize(
    ("accepted", "others", "chosen", "tag"),
    [
        ("", [], None, "en"),
        ("de", [], None, "de"),
        ("de-AT,de;q=0.9,en;q=0.8", [], None, "de"),
        ("fr-FR,fr;q=0.9,de;q=0.5,en;q=0.4", [], None, "de"),
        ("de;q=0.3, en-GB;q=0.8", [], None, "en"),
        ("de;q=0, en", [], None, "en"),
        ("DE", [], None, "de"),
        ("fr", [], None, "en"),
        ("fr", ["de-CH"], None, "de"),
        ("en", ["de"], None, "en"),
        ("en", [], "de", "de"),
        ("de", [], "en", "en"),
        ("de", [], "../../etc", "de"),
        ("*", ["de"], None, "de"),
        (",;q=2,--,de;q=nonsense", [], None, "de"),
    ],
)
def test_which_language(accepted: str, others: list[str], chosen: str | None, tag: str) -> None:
    assert choose(accepted, *others, chosen=chosen).tag == tag


@pytest.mark.parametrize("file", CATALOGS, ids=lambda file: file.stem)
def test_a_catalog_is_read_as_babel_reads_it(file: Path) -> None:
    po = file.read_bytes()
    expected = {}
    for message in read_po(io.BytesIO(po)):
        one = message.id if isinstance(message.id, str) else message.id[0]
        forms = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        if all(forms) and one:
            expected[one] = forms
    found = read_catalog(po.decode())
    found.pop("")
    assert found == expected


def test_quotes_lines_and_what_is_not_certain() -> None:
    po = r"""
msgid ""
msgstr ""
"Plural-Forms: nplurals=1; plural=0;\n"

#: a.js
msgid "a \"b\"\n"
"c \\"
msgstr "ä „b“\n"
"c \\"

#, fuzzy
msgid "near"
msgstr "fern"

msgid "open"
msgstr ""
"""
    assert list(read_catalog(po).items())[1:] == [('a "b"\nc \\', ("ä „b“\nc \\",))]


def test_forms_by_number() -> None:
    polish = Language(
        "pl",
        "Polski",
        {"{count} member": ("{count} członek", "{count} członkowie", "{count} członków")},
        lambda n: 0 if n == 1 else 1 if 2 <= n % 10 <= 4 and not 12 <= n % 100 <= 14 else 2,
    )
    said = [polish.count("{count} member", "{count} members", number, count=number) for number in (1, 3, 13, 122)]
    assert said == ["1 członek", "3 członkowie", "13 członków", "122 członkowie"]
    assert ENGLISH.count("{count} member", "{count} members", 2, count=2) == "2 members"
    assert polish.text("Hello, {name}", name="Ada {x}") == "Hello, Ada {x}"
    plurals = msgspec.json.decode(polish.as_json())["plurals"]
    assert [plurals[number] for number in (1, 3, 13, 122)] == ["0", "1", "2", "1"]


def test_each_language_has_its_own_name() -> None:
    assert {tag: language.name for tag, language in LANGUAGES.items()} == {"en": "English", "de": "Deutsch"}
