"""Both clients pass the conformance suite, and a client that does nothing fails all of it."""

import os
import sys
from pathlib import Path

import pytest

from conformance.run import run
from tests.support.node import ROOT, TYPES

BIN = Path(sys.executable).parent

# A line of nothing for each line of calls.
_IDLE = "import sys\nfor _ in sys.stdin:\n    print('[]', flush=True)"


@pytest.mark.parametrize(
    "driver",
    [
        pytest.param((sys.executable, str(ROOT / "clients" / "python" / "conformance_driver.py")), id="python"),
        pytest.param((str(BIN / "node"), str(TYPES / "test" / "conformance.ts")), id="typescript"),
    ],
)
async def test_a_client_conforms(driver: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "clients" / "python"))
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    results = await run(*driver)
    assert len(results) > 25
    assert {name: faults for name, faults in results.items() if faults} == {}


async def test_a_client_that_does_nothing_fails() -> None:
    results = await run(sys.executable, "-c", _IDLE)
    assert [name for name, faults in results.items() if not faults] == []
