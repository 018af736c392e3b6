"""Asks an index of advisories about the packages that are installed with Guildhall: `python -m tests.support.audit`.

The exit code is 1 if a package has a known vulnerability. Without an index, it prints that and succeeds: a developer
without a connection can still work, and the next run with one reports the vulnerability."""

import subprocess
import sys
from pathlib import Path

import msgspec

_ASKED = "requirements.txt"
_SECONDS = 120


class Fault(msgspec.Struct):
    id: str
    fix_versions: list[str] = []


class Package(msgspec.Struct):
    """A package in pip-audit's report. With `skip_reason`, the index did not know it."""

    name: str
    version: str | None = None
    vulns: list[Fault] = []
    skip_reason: str | None = None


class Report(msgspec.Struct):
    dependencies: list[Package]


def main() -> int:
    command = [str(Path(sys.executable).with_name("pip-audit")), "--requirement", _ASKED, "--require-hashes"]
    try:
        done = subprocess.run(
            [*command, "--disable-pip", "--progress-spinner", "off", "--timeout", "10", "--format", "json"],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
        packages = msgspec.json.decode(done.stdout, type=Report).dependencies
    except (subprocess.TimeoutExpired, msgspec.DecodeError):
        return _skipped("No index of advisories could be reached")
    return verdict(packages)


def verdict(packages: list[Package]) -> int:
    """Prints the findings, and returns the exit code."""
    known = [package for package in packages if package.skip_reason is None]
    if not known:
        return _skipped("The index that answers has no advisories")
    faulty = [package for package in known if package.vulns]
    for package in faulty:
        for fault in package.vulns:
            print(
                f"{package.name} {package.version}: {fault.id}, mended in {', '.join(fault.fix_versions) or 'none yet'}"
            )
    print(f"Advisories: {len(known)} of {len(packages)} packages asked about, {len(faulty)} with a known fault.")
    return 1 if faulty else 0


def _skipped(why: str) -> int:
    print(f"{why}: the packages were not audited.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
