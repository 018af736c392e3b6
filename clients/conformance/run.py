"""Runs a client through all scenarios: `python clients/conformance/run.py DRIVER…`, a command with its arguments.

The driver is a small program in the client's language; README.md says what it reads and writes."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from conformance.stub import Stub

Json = Any  # JSON of a scenario
HERE = Path(__file__).parent
KEY = "gh_conformance"
SCENARIO_SECONDS = 30


def scenarios() -> list[Json]:
    """All of them, with the file's name before the scenario's."""
    files = sorted((HERE / "scenarios").glob("*.json"))
    return [
        {**scenario, "name": f"{file.stem}: {scenario['name']}"}
        for file in files
        for scenario in json.loads(file.read_text(encoding="utf-8"))["scenarios"]
    ]


async def run(*driver: str, cwd: Path | None = None) -> dict[str, list[str]]:
    """Each scenario's name with its faults, in words. Nothing is wrong where all are empty."""
    process = await asyncio.create_subprocess_exec(*driver, stdin=PIPE, stdout=PIPE, cwd=cwd, start_new_session=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            return {scenario["name"]: await _faults(scenario, process, Path(folder)) for scenario in scenarios()}
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what the command has started, too
        await process.wait()


async def _faults(scenario: Json, process: Process, folder: Path) -> list[str]:
    stub = Stub(scenario.get("exchanges", []))
    async with await asyncio.start_server(stub.serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        task = {
            "url": f"http://127.0.0.1:{port}",
            "key": KEY,
            "patience_seconds": scenario.get("patience_seconds", 10),
            "calls": [{"call": each["call"], "with": _given(each, folder)} for each in scenario["calls"]],
        }
        try:
            async with asyncio.timeout(SCENARIO_SECONDS):
                outcomes = await _ask(process, task)
        except TimeoutError:
            return ["the driver did not answer", *stub.faults, *stub.missing()]
    return stub.faults + stub.missing() + _wrong(scenario["calls"], outcomes)


async def _ask(process: Process, task: Json) -> Json:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(task).encode() + b"\n")
    await process.stdin.drain()
    line = await process.stdout.readline()
    return json.loads(line or b"[]")


def _given(call: Json, folder: Path) -> Json:
    """A call's arguments. The name of a spool becomes a file."""
    given = call.get("with", {})
    return {**given, "spool": str(folder / given["spool"])} if "spool" in given else given


def _wrong(calls: list[Json], outcomes: list[Json]) -> list[str]:
    found = [f"call {number} has no outcome" for number in range(len(outcomes), len(calls))]
    for number, (call, outcome) in enumerate(zip(calls, outcomes, strict=False)):
        wanted = {key: call[key] for key in ("returns", "raises") if key in call}
        found += [f"call {number}{fault}" for fault in _differences(wanted, outcome)]
    return found


def _differences(wanted: Json, found: Json, at: str = "") -> list[str]:
    """Where an outcome is other than wanted. An outcome may have more members."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [
            fault
            for name, value in wanted.items()
            for fault in (_differences(value, found[name], f"{at}/{name}") if name in found else [f"{at} lacks {name}"])
        ]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = enumerate(zip(wanted, found, strict=True))
        return [fault for place, pair in pairs for fault in _differences(*pair, f"{at}/{place}")]
    return [] if wanted == found else [f"{at} is {found!r}, not {wanted!r}"]


def main() -> int:
    """Prints what is wrong. 1 if anything is."""
    results = asyncio.run(run(*sys.argv[1:]))
    for name, faults in results.items():
        print(f"{'FAILED' if faults else 'passed'}  {name}", *faults, sep="\n        ")
    return 1 if any(results.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
