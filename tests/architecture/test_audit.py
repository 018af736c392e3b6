"""How `make check` judges an index's answer about advisories."""

import pytest

from tests.support.audit import Fault, Package, verdict

SOUND = Package("msgspec", "0.22.0")
FAULTY = Package("litestar", "2.25.0", [Fault("GHSA-1", ["2.25.1"]), Fault("GHSA-2")])
UNKNOWN = Package("uvloop", skip_reason="not found")


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([SOUND, UNKNOWN], 0, "1 of 2 packages asked about, 0 with a known fault"),
        ([SOUND, FAULTY], 1, "litestar 2.25.0: GHSA-1, mended in 2.25.1"),
        ([FAULTY], 1, "GHSA-2, mended in none yet"),
        ([UNKNOWN], 0, "not audited"),
    ],
)
def test_the_verdict(packages: list[Package], code: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict(packages) == code
    assert said in capsys.readouterr().out
