"""What `deploy/`, the Dockerfile and compose.yaml say is true of this version, and their own programs accept it."""

import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from api.cli.doctor import misspelt
from api.config import Settings, variable
from tests.package.test_wheel import BUILT_FROM

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
OURS = {name: service for name, service in COMPOSE["services"].items() if service["image"] == "guildhall"}
PACKAGES = {"promtool": "prometheus", "systemd-analyze": "systemd"}


def needs(program: str) -> str:
    found = shutil.which(program) or shutil.which(f"/usr/sbin/{program}")
    if found is None:
        pytest.skip(f"{program} is not installed. On Debian: sudo apt-get install {PACKAGES.get(program, program)}")
    return found


def accepted(*command: str | Path) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def variables(service: dict[str, Any]) -> dict[str, str]:  # Any: YAML
    return {name: str(value) for name, value in service["environment"].items() if value is not None}


def test_dockerfile_is_linted() -> None:
    accepted(ROOT / ".venv" / "bin" / "hadolint", "Dockerfile")


def test_image_is_built_from_what_a_wheel_is_built_from() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    words = [word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]]
    assert set(words) == {*BUILT_FROM, "requirements.txt", "deploy/container/slim.sh"}
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    assert let_in == {*BUILT_FROM, "requirements.txt", "deploy/container"}


def test_every_variable_exists() -> None:
    known = {variable(field) for field in Settings.__struct_fields__}
    text = [*(ROOT / "Dockerfile").read_text().split(), *(path.read_text() for path in UNITS)]
    in_files = {name for each in text for name in re.findall(r"\b(GUILDHALL_[A-Z_]+)=", each)}
    assert in_files <= known, in_files - known
    for service in OURS.values():
        assert misspelt(service["environment"]) == []


def test_containers_have_few_rights() -> None:
    for name, service in OURS.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "ports" not in service, name
    services = COMPOSE["services"].items()
    with_owner = {name for name, service in services if any("owner-secrets" in each for each in service["volumes"])}
    assert with_owner == {"secrets", "database", "migrate"}, "the server never sees the owner's password"
    assert COMPOSE["networks"]["inside"]["internal"]


def test_containers_read_secrets_that_are_made() -> None:
    made = set(re.findall(r">(/(?:owner|server)/\w+)", (DEPLOY / "compose" / "secrets.sh").read_text()))
    services = [*OURS.values(), COMPOSE["services"]["database"]]
    read = {value for each in services for name, value in variables(each).items() if name.endswith("_FILE")}
    read |= set(re.findall(r"cat (/\w+/\w+)", (DEPLOY / "compose" / "roles.sh").read_text()))
    assert read <= made
    assert made - read == set(), "nothing is made that nobody reads"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.name))
def test_units_are_hardened(unit: Path) -> None:
    """The lower the better: 10 is a unit without any of it."""
    done = subprocess.run(
        [needs("systemd-analyze"), "security", "--offline=true", "--threshold=20", unit],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze cannot look at files")
    assert done.returncode == 0, done.stdout[-200:] + done.stderr
    assert "LimitNOFILE=65536" in unit.read_text()


def test_caddy_accepts_its_file() -> None:
    accepted(needs("caddy"), "validate", "--adapter", "caddyfile", "--config", DEPLOY / "caddy" / "Caddyfile")


def test_haproxy_accepts_its_file(tmp_path: Path) -> None:
    haproxy = needs("haproxy")
    text = (DEPLOY / "haproxy" / "haproxy.cfg").read_text()
    (tmp_path / "haproxy.cfg").write_text(text.replace("ssl crt /etc/haproxy/guildhall.pem", ""))
    accepted(haproxy, "-c", "-q", "-f", tmp_path / "haproxy.cfg")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate and its key, as nginx wants to read them before it says anything else."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "guildhall.test")])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
    ).sign(key, hashes.SHA256())
    files = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files


def test_nginx_accepts_its_file(tmp_path: Path, certificate: tuple[Path, Path]) -> None:
    nginx = needs("nginx")
    text = (DEPLOY / "nginx" / "guildhall.conf").read_text()
    for file in certificate:
        text = re.sub(rf"/etc/letsencrypt/\S+/{file.name}", str(file), text)
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; {text} }}".replace(
            "listen 443", "listen 127.0.0.1:44443"
        )
    )
    accepted(nginx, "-t", "-q", "-c", tmp_path / "nginx.conf")
