"""Every text is in every catalog, and every catalog says all of it."""

import io
import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.support.translations import FOLDER, updated

CATALOGS = sorted(FOLDER.glob("*.po"))


def names(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize("file", CATALOGS, ids=lambda file: file.stem)
def test_the_catalog_has_all_texts_and_no_others(file: Path) -> None:
    assert file.read_bytes() == updated(file), "`make translations` writes it anew"


@pytest.mark.parametrize("file", CATALOGS, ids=lambda file: file.stem)
def test_everything_is_translated_with_what_stands_in_it(file: Path) -> None:
    catalog = read_po(io.BytesIO(file.read_bytes()), locale=file.stem)
    for message in catalog:
        if message.id:
            english = [message.id] if isinstance(message.id, str) else list(message.id)
            forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
            assert all(forms), f"{english[0]!r} is not translated"
            assert len(forms) == (1 if isinstance(message.id, str) else catalog.num_plurals), english[0]
            for form in forms:
                # A form for one thing need not say the number.
                assert names(form) - names(english[-1]) == set(), english[0]
            assert names(forms[-1]) == names(english[-1]), english[0]
