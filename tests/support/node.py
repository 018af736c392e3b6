"""Runs JavaScript with the Node of this virtual environment."""

import asyncio
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TYPES = ROOT / "clients" / "typescript"
MODULES = TYPES / "node_modules"


async def run_with_node(*command: str, cwd: Path, **environment: str) -> tuple[int | None, str, str]:
    """Runs a command. Returns its exit code and its output."""
    assert MODULES.is_dir(), "`make node` installs what this needs"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={**os.environ, **environment, "PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()
