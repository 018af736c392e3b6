"""The fenced blocks of README, CONTRIBUTING and the guide, and curl's command lines as requests."""

import os
import re
import shlex
from datetime import datetime
from pathlib import Path
from string import Template

import httpx2
import msgspec

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
DOCS = ROOT / "docs"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DOCS.glob("**/*.md"))]

_fence = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_date = re.compile(r"\$\(date -u \+(\S+)\)")


class Block(msgspec.Struct, frozen=True):
    """A fenced block: its language, its text, and the heading that it stands under."""

    language: str
    text: str
    heading: str


class Call(msgspec.Struct, frozen=True):
    """A command line that calls curl. `shown`: the JSON that the page shows as its answer; None if it shows none."""

    command: str
    shown: str | None


def title(page: Path) -> str:
    """The page's path within the project."""
    return str(page.relative_to(ROOT))


def blocks(page: Path) -> list[Block]:
    """The page's blocks, in their order."""
    whole = page.read_text(encoding="utf-8")
    return [Block(match[1], match[2], _heading_above(whole[: match.start()])) for match in _fence.finditer(whole)]


def block(page: Path, language: str, heading: str) -> str:
    """The text of the one block in this language under this heading."""
    (found,) = (each.text for each in blocks(page) if (each.language, each.heading) == (language, heading))
    return found


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _fence.sub("", page.read_text(encoding="utf-8"))


def _heading_above(text: str) -> str:
    headings = list(re.finditer(r"^#+ (.+)$", _fence.sub("", text), re.MULTILINE))
    return headings[-1][1]


def calls(page: Path) -> list[Call]:
    """The page's calls. A block of JSON right after a block of calls shows the answer to the last of them."""
    found: list[Call] = []
    whole = blocks(page)
    for number, each in enumerate(whole):
        if each.language != "sh":
            continue
        commands = re.findall(r"^curl .*?(?=^curl |\Z)", each.text, re.MULTILINE | re.DOTALL)
        found += [Call(command.strip(), None) for command in commands]
        behind = whole[number + 1] if number + 1 < len(whole) else None
        if commands and behind is not None and behind.language == "json":
            found[-1] = Call(found[-1].command, behind.text)
    return found


def as_request(command: str, environment: dict[str, str], now: datetime) -> httpx2.Request:
    """What curl would send for this command line. An option that is not known here is a `ValueError`."""
    dated = _date.sub(lambda match: now.strftime(match[1]), command.replace("\\\n", " "))
    words = shlex.split(Template(dated).substitute(environment))[1:]
    method, url, body, headers = "GET", "", None, {}
    while words:
        word = words.pop(0)
        if word == "-X":
            method = words.pop(0)
        elif word == "-H":
            name, _, value = words.pop(0).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = words.pop(0)
        elif word == "-o":
            words.pop(0)
        elif word == "-N":
            continue
        elif word.startswith("-"):
            raise ValueError(word)
        else:
            url = word
    return httpx2.Request(method, url, headers=headers, content=body)


def environment(base_url: str, key: str) -> dict[str, str]:
    """What a reader has set before the first call."""
    return {**os.environ, "GUILDHALL_URL": base_url, "GUILDHALL_KEY": key, "DISCORD_TOKEN": "a token"}
