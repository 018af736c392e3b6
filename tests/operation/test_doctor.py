"""`guildhall doctor` finds what is wrong with an installation, and says how to fix it."""

from datetime import datetime, timedelta, tzinfo
from pathlib import Path

import pytest

import piccolo_conf
from api.cli import doctor
from api.config import Settings
from api.postgres.migrations import known, roll_back
from api.postgres.provision import OWNER
from tests.operation.servers import (
    MEMBER,
    guildhall,
    refusal,
)
from tests.support import cluster

NOWHERE = "postgresql://ada:hunter2@127.0.0.1:1/guildhall"


def test_doctor_is_content(folder: Path) -> None:
    done = guildhall(folder, "doctor")
    assert done.returncode == 0, done.stdout
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"ok"}
    assert f"migrations: {len(known())} of {len(known())}" in done.stdout


async def test_doctor_says_how_to_mend(folder: Path, own: str) -> None:
    assert "Is DATABASE_URL right" in refusal(guildhall(folder, "doctor", DATABASE_URL=NOWHERE))
    as_owner = guildhall(folder, "doctor", DATABASE_URL=cluster.url(OWNER, own), GUILDHALL_POOL_SIZE="100")
    assert f"This log-in can change it: {OWNER} is or can become {OWNER}." in refusal(as_owner)
    crowded = guildhall(folder, "doctor", DATABASE_URL=cluster.url(MEMBER, own), GUILDHALL_WORKERS="64")
    assert "Lower GUILDHALL_WORKERS" in refusal(crowded)
    await roll_back(piccolo_conf.DB, cluster.url(OWNER, own), known()[-1])
    behind = guildhall(folder, "doctor", DATABASE_URL=cluster.url(MEMBER, own))
    assert "Run `guildhall migrate`." in refusal(behind)
    for line in (as_owner.stdout + behind.stdout).splitlines():
        assert line.startswith(("ok ", "BAD ", "    "))


async def test_doctor_looks_at_the_clock(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    class Late(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Late":
            return super().now(tz) - timedelta(seconds=30)

    before = {finding.mend for finding in await doctor.examine(settings)}
    monkeypatch.setattr(doctor, "datetime", Late)
    after = {finding.mend for finding in await doctor.examine(settings)}
    assert after - before == {"Synchronize the clocks of both machines by NTP."}


def test_doctor_finds_a_misspelt_variable(folder: Path) -> None:
    done = guildhall(folder, "doctor", GUILDHALL_PRT="1", GUILDHALL_URL="http://guildhall.test")
    assert "BAD  variable GUILDHALL_PRT" in done.stdout
    assert "GUILDHALL_URL" not in done.stdout
    assert done.returncode == 1
