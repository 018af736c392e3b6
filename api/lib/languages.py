"""Texts in other languages than English, from the gettext catalogs in `api/locale`: one file a language."""

import gettext
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

_FOLDER = Path(__file__).parents[1] / "locale"
_PLURALS = re.compile(r"plural=(.+?);")
_WEIGHT = re.compile(r"\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*")
# Every language's rule looks at the last two digits at most, beyond its smallest numbers.
_PLURALS_SHOWN = 200
# Of what a reader sends: browsers send a few tags, and a tag of a language is no longer than this (RFC 5646, 4.4.1).
_MOST_TAGS = 32
_TAG_CHARACTERS = 35


class Language(msgspec.Struct, frozen=True):
    """A language and its texts. `forms`: the translation of each English text, or one for each plural form."""

    tag: str
    name: str
    forms: Mapping[str, tuple[str, ...]]
    plural: Callable[[int], int]

    def text(self, english: str, /, **values: object) -> str:
        """The text with `{name}` filled in; the English one where nobody has translated it."""
        return filled(self.forms.get(english, (english,))[0], values)

    def count(self, one: str, many: str, count: int, /, **values: object) -> str:
        """One of two English texts, by a number, as this language puts it: it may have more forms, or one."""
        forms = self.forms.get(one)
        chosen = (one if count == 1 else many) if forms is None else forms[self.plural(count)]
        return filled(chosen, values)

    def as_json(self) -> bytes:
        """The catalog as the dashboard reads it. `plurals`: the form of each number below 200."""
        messages = {english: forms[0] if len(forms) == 1 else forms for english, forms in self.forms.items()}
        plurals = "".join(str(self.plural(number)) for number in range(_PLURALS_SHOWN))
        return msgspec.json.encode({"plurals": plurals, "messages": messages})


def filled(text: str, values: Mapping[str, object]) -> str:
    """The text with each `{name}` of `values` filled in. Other braces stay."""
    return re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), text) if values else text


def read_catalog(po: str) -> dict[str, tuple[str, ...]]:
    """The translations of a gettext catalog as babel writes it. Without those that are empty, uncertain or obsolete."""
    catalog = {}
    for entry in po.split("\n\n"):
        fields: dict[str, str] = {}
        name = ""
        for line in entry.splitlines():
            if line.startswith("#, fuzzy"):
                break
            if line and not line.startswith("#"):
                keyword, quote, rest = line.partition('"')
                name = keyword.strip() or name
                fields[name] = fields.get(name, "") + msgspec.json.decode(quote + rest, type=str)
        forms = tuple(text for name, text in fields.items() if name.startswith("msgstr"))
        if forms and all(forms):
            catalog[fields["msgid"]] = forms
    return catalog


def _language(file: Path) -> Language:
    forms = read_catalog(file.read_text(encoding="utf-8"))
    rule = _PLURALS.search(forms.pop("")[0])
    assert rule is not None
    return Language(file.stem, forms["English"][0], forms, gettext.c2py(rule[1]))


ENGLISH = Language("en", "English", {}, lambda count: int(count != 1))
LANGUAGES: Mapping[str, Language] = {"en": ENGLISH} | {
    file.stem: _language(file) for file in sorted(_FOLDER.glob("*.po"))
}
_BY_TAG = {tag.lower(): language for tag, language in LANGUAGES.items()}


def choose(accept_language: str, *others: str | None, chosen: str | None = None) -> Language:
    """The language for a reader: the one they have chosen here, else the first that they accept, else the first of
    `others` (language tags), else English."""
    wanted = [chosen, *_accepted(accept_language), *others]
    found = (_find(tag) for tag in wanted if tag)
    return next((language for language in found if language is not None), ENGLISH)


def _accepted(accept_language: str) -> list[str]:
    """The tags of an `Accept-Language` value, the most wanted first (RFC 9110, 12.5.4)."""
    weighted = []
    for choice in accept_language.split(",", _MOST_TAGS)[:_MOST_TAGS]:
        tag, _, parameter = choice.partition(";")
        weight = _WEIGHT.fullmatch(parameter)
        weighted.append((float(weight[1]) if weight else 1.0, tag.strip()))
    return [tag for weight, tag in sorted(weighted, key=lambda each: -each[0]) if weight > 0]


def _find(tag: str) -> Language | None:
    """The language of a tag, or of the tag without its region: `de` for `de-AT`."""
    part = tag[:_TAG_CHARACTERS].lower()
    while part not in _BY_TAG and part:
        part = part.rpartition("-")[0]
    return _BY_TAG.get(part)
