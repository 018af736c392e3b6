"""The texts that can be translated, and the catalogs in `api/locale`: `make translations` writes them anew.

A new language is one file: `python -m tests.support.translations fr` begins it."""

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from api.lib.json import JsonObject
from api.settings.builtin import BUILT_IN

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "api/locale"
KEYWORDS = {"t": None, "later": None, "tn": (1, 2), "rich": None, "text": None, "count": (1, 2)}
_PAGES = ROOT / "api/pages"
_PUBLIC = ROOT / "api/public"
_PACKS = ROOT / "api/achievements/data"
_LITERALS = re.compile(r"\{\{(.+?)\}\}")

Message = str | tuple[str, ...]


def messages() -> Iterator[tuple[str, Message]]:
    """Each text and the file that it is in."""
    yield "api/lib/languages.py", "English"  # in each catalog, the name of its language
    for file in sorted([_PAGES / "assets/home.js", *(_PAGES / "assets/dashboard").glob("*.js")]):
        yield from _extracted(file, "javascript")
    for file in sorted(_PAGES.glob("*.html")):
        yield from ((_name(file), text) for text in _LITERALS.findall(file.read_text()))
    for file in sorted((_PUBLIC / "templates").glob("*.html")):
        yield from _extracted(file, "jinja2.ext:babel_extract")
    for file in (_PUBLIC / "pages.py", _PUBLIC / "writing.py"):
        yield from _extracted(file, "python")
    for module in BUILT_IN.values():
        texts = [module.title, module.description, *_texts(module.schema)]
        yield from ((f"api/settings/builtin/{module.name}.py", text) for text in texts if text)
    for file in sorted(_PACKS.glob("*.json")):
        yield _name(file), file.stem
        for each in msgspec.json.decode(file.read_bytes()):
            yield from ((_name(file), each[name]) for name in ("name", "description") if each.get(name))


def _extracted(file: Path, method: str) -> Iterator[tuple[str, Message]]:
    with file.open("rb") as opened:
        for _, message, _, _ in extract(
            method, opened, KEYWORDS, options={"encoding": "utf-8", "parse_template_string": True}
        ):
            yield _name(file), message


def _name(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def _texts(schema: JsonObject) -> Iterator[str]:
    """Titles, descriptions, and the words that stand for groups and choices. Not those of the struct itself."""
    for name, value in schema.items():
        if name == "$defs" and isinstance(value, dict):
            for struct in value.values():
                yield from _described(struct, "description")
                yield from _texts(_object(struct))
        elif name == "properties" and isinstance(value, dict):
            for each in value.values():
                yield from _described(each, "title", "description")
                yield from _texts(_object(each))
        elif name in {"x-group", "const"} and isinstance(value, str):
            yield _humanized(value)
        elif name == "enum" and isinstance(value, list):
            yield from (_humanized(each) for each in value if isinstance(each, str))
        elif isinstance(value, dict):
            yield from _texts(value)
        elif isinstance(value, list):
            for each in value:
                yield from _texts(_object(each))


def _described(schema: object, *names: str) -> Iterator[str]:
    yield from (str(text) for name in names if (text := _object(schema).get(name)))


def _object(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _humanized(name: str) -> str:
    words = re.sub(r"[_-]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def template() -> Catalog:
    """All texts, without translations."""
    made = Catalog(fuzzy=False)
    for place, message in messages():
        made.add(message if isinstance(message, str) else tuple(message), locations=[(place, 0)])
    return made


def updated(file: Path) -> bytes:
    """The catalog with all texts there are, and without those that are gone."""
    if file.exists():
        catalog = read_po(io.BytesIO(file.read_bytes()), locale=file.stem)
    else:
        catalog = Catalog(locale=file.stem, fuzzy=False)
    catalog.update(template(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    rule = f"nplurals={catalog.num_plurals}; plural={catalog.plural_expr};"
    written = io.BytesIO()
    header = f'msgid ""\nmsgstr ""\n"Language: {file.stem}\\n"\n"Plural-Forms: {rule}\\n"\n\n'
    write_po(written, catalog, width=120, omit_header=True, include_lineno=False, sort_by_file=True)
    return header.encode() + written.getvalue()


def main() -> None:
    for file in [*FOLDER.glob("*.po"), *(FOLDER / f"{tag}.po" for tag in sys.argv[1:])]:
        file.write_bytes(updated(file))


if __name__ == "__main__":
    main()
