"""The README's fenced blocks, and curl's command lines as requests."""

import os
import re
import shlex
from pathlib import Path
from string import Template

import httpx
import msgspec

README = Path(__file__).parents[2] / "README.md"

_fence = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(msgspec.Struct, frozen=True):
    """A fenced block: its language, its text, and the heading that it stands under."""

    language: str
    text: str
    heading: str


def blocks(language: str) -> list[Block]:
    """The README's blocks in this language, in their order."""
    whole = README.read_text(encoding="utf-8")
    return [
        Block(match[1], match[2], _heading_above(whole[: match.start()]))
        for match in _fence.finditer(whole)
        if match[1] == language
    ]


def block(language: str, heading: str) -> str:
    """The text of the one block in this language under this heading."""
    (found,) = (each.text for each in blocks(language) if each.heading == heading)
    return found


def _heading_above(text: str) -> str:
    headings = list(re.finditer(r"^#+ (.+)$", _fence.sub("", text), re.MULTILINE))
    return headings[-1][1]


def curl_commands(text: str) -> list[str]:
    """The command lines of a block that call curl, with what the shell would join joined."""
    return [line for line in re.split(r"\n(?=\S)", text) if line.startswith("curl ")]


def as_request(command: str, environment: dict[str, str]) -> httpx.Request:
    """What curl would send for this command line. An option that is not known here is a `ValueError`."""
    words = shlex.split(Template(command.replace("\\\n", " ")).substitute(environment))[1:]
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
        elif word.startswith("-"):
            raise ValueError(word)
        else:
            url = word
    return httpx.Request(method, url, headers=headers, content=body)


def environment(base_url: str, key: str) -> dict[str, str]:
    """What a reader has set before the first call."""
    return {**os.environ, "GUILDHALL_URL": base_url, "GUILDHALL_KEY": key, "DISCORD_TOKEN": "a token"}
