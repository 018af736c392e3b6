"""The wheel: the same bytes whoever builds it, everything in it, and a server from it in an empty folder."""

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import metadata
from pathlib import Path

import cyclonedx.schema
import jsonschema_rs
import pytest

from api.lib.version import PACKAGE, VERSION
from tests.operation.servers import Server, environment, private_folder
from tests.support.bill_of_materials import NOT_IN_METADATA, said_by

ROOT = Path(__file__).parents[2]
SOURCES = ("guildhall_server", "api", "tables", "piccolo_migrations", "piccolo_conf.py")
BUILT_FROM = (*SOURCES, "pyproject.toml", "README.md", "LICENSE", ".gitignore")
GUILD = "/v1/guilds/81384788765712384"
PERSON = "190320984123768832"

# `install` takes names to the end of the command; `--from` takes one.
INSTALLS = re.compile(r"\b(?:pipx?|uv|uvx|npm|pnpm)\b[^`]*? (?:(?:install|add)\b([^`]*)|--from (\S+))")


def build(source: Path, into: Path, *, umask: int = 0o022, **values: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(into)],
        cwd=source,
        env={**os.environ, **values},
        umask=umask,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [wheel] = into.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def test_the_same_bytes_twice(wheel: Path, tmp_path: Path) -> None:
    """From a copy with other times and rights, in another zone."""
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in BUILT_FROM:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile)
        else:
            shutil.copyfile(ROOT / name, copy / name)
    for path in copy.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    again = build(copy, tmp_path / "dist", umask=0o077, TZ="Pacific/Apia", LANG="C")
    assert again.name == wheel.name == f"{PACKAGE.replace('-', '_')}-{VERSION}-py3-none-any.whl"
    assert again.read_bytes() == wheel.read_bytes()


def test_everything_is_in_it_under_one_name(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.partition("/")[0] for name in names} == {"guildhall_server", f"guildhall_server-{VERSION}.dist-info"}
    tracked = subprocess.run(
        ["git", "ls-files", *SOURCES], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    inside = {name if name.startswith("guildhall_server") else f"guildhall_server/{name}" for name in tracked}
    assert {name for name in names if ".dist-info/" not in name} == inside


@pytest.fixture(scope="module")
def command(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`guildhall` as installed: in an environment with the wheel, and with the packages that it needs, but without the
    source."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    uv = [sys.executable, "-m", "uv", "--quiet", "--no-config"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(place)], check=True)
    subprocess.run([*uv, "pip", "install", "--no-deps", "--offline", "--python", str(place), str(wheel)], check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(place), "platbase": str(place)}))
    # A folder named in a .pth file brings its packages, not its own .pth files, and so not our editable install.
    (packages / "needed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    assert not {"api", "tables", "piccolo_conf.py", "piccolo_migrations"} & {path.name for path in packages.iterdir()}
    return place / "bin" / "guildhall"


@pytest.fixture(scope="module")
def served(command: Path) -> Iterator[Server]:
    """Two workers, in an empty folder."""
    with private_folder() as folder:
        server = Server(folder, environment(folder), ("--workers", "2"), command=(str(command),), cwd=folder)
        try:
            server.wait()
            yield server
        finally:
            server.process.terminate()
            server.process.wait(timeout=60)


def test_commands(command: Path, tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run(
            [command, *arguments], cwd=tmp_path, env=environment(tmp_path), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("--version") == f"guildhall, version {VERSION}\n"
    assert run("openapi") == (ROOT / "tests" / "architecture" / "openapi.json").read_text()
    assert [*tmp_path.iterdir()] == []


def test_server_from_an_empty_folder(served: Server, command: Path) -> None:
    """Migrations, pages, their files, templates, fonts: all is found where it is installed."""
    with served.client(served.key) as bot:
        assert bot.put(GUILD, json={"name": "Harbour", "timezone": "Europe/Berlin"}).status_code == 201
        assert bot.patch(f"{GUILD}/settings/public", json={"leaderboard": "everyone"}).status_code == 200
        now = datetime.now(UTC).isoformat()
        event = {"id": "1", "type": "message", "user_id": PERSON, "channel_id": "1", "occurred_at": now}
        assert bot.post(f"{GUILD}/activity", json={"events": [event]}).status_code == 200
        for path in (
            "/",
            "/schema",
            "/schema/openapi.json",
            "/dashboard",
            "/admin/",
            "/health/ready",
            "/g/81384788765712384",
        ):
            assert bot.get(path, follow_redirects=True).status_code == 200, path
        card = bot.get(f"{GUILD}/members/{PERSON}/card.png")
        assert (card.status_code, card.headers["content-type"]) == (200, "image/png"), card.text
    done = subprocess.run(
        [command, "migrate"],
        cwd=served.folder,
        env=environment(served.folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("Nothing to do"), done.stderr


def test_the_package_is_named_in_one_place() -> None:
    """The environment above still has what was installed under an earlier name."""
    askers = [
        str(path.relative_to(ROOT)) for path in (ROOT / "api").rglob("*.py") if "importlib.metadata" in path.read_text()
    ]
    assert askers == ["api/lib/version.py"]


def _cyclonedx() -> jsonschema_rs.Draft7Validator:
    """What has the form of CycloneDX, by its own schemas."""
    folder = Path(cyclonedx.schema.__file__).with_name("_res")
    base, others = "http://cyclonedx.org/schema/", ("spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")
    registry = jsonschema_rs.Registry([(base + name, json.loads((folder / name).read_text())) for name in others])
    schema = json.loads((folder / "bom-1.6.SNAPSHOT.schema.json").read_text())
    return jsonschema_rs.Draft7Validator(schema, registry=registry)


def test_bill_of_materials_names_what_is_locked(tmp_path: Path) -> None:
    """`make sbom`: each package of requirements.txt with its version and licence, the same bytes twice."""
    file = tmp_path / "sbom.json"
    subprocess.run(["make", "--no-print-directory", "sbom", f"SBOM={file}"], cwd=ROOT, check=True)
    found = json.loads(file.read_text())
    assert list(_cyclonedx().iter_errors(found)) == []
    assert (found["bomFormat"], found["specVersion"]) == ("CycloneDX", "1.6")
    assert found["metadata"]["component"]["name"] == PACKAGE
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    locked = {line.split(" ")[0].partition("[")[0] for line in lines if "==" in line and line[0].isalpha()}
    assert {f"{each['name']}=={each['version']}" for each in found["components"]} == locked
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert len(locked) > len(needed)
    assert [each["name"] for each in found["components"] if len(each.get("licenses", [])) != 1] == []
    assert found["metadata"]["component"]["licenses"] == [{"license": {"acknowledgement": "declared", "id": "MIT"}}]
    again = tmp_path / "again.json"
    subprocess.run(["make", "--no-print-directory", "sbom", f"SBOM={again}"], cwd=ROOT, check=True)
    assert again.read_bytes() == file.read_bytes()


@pytest.mark.parametrize("package", [name for name in NOT_IN_METADATA if name != "httpx2-jsfetch"])
def test_licence_in_the_table_is_not_in_the_metadata(package: str) -> None:
    assert said_by(metadata(package)) != NOT_IN_METADATA[package]


def test_no_page_says_to_install_what_is_not_ours() -> None:
    """The plain name on the index is another project's, and nothing of ours is there yet: only files and folders."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "clients").glob("*/README.md")]
    examples = [path for path in (ROOT / "examples").iterdir() if path.suffix in (".md", ".mjs", ".py")]
    sentences = [path for path in (ROOT / "api").rglob("*") if path.suffix in (".py", ".js", ".html", ".po")]
    found = [
        f"{path.relative_to(ROOT)}: {line}"
        for path in [*pages, *examples, *sentences]
        for line in path.read_text().splitlines()
        for names in INSTALLS.findall(line)
        for name in " ".join(names).replace("'", "").split()
        if re.match(r"@?guildhall", name) and ".whl" not in name
    ]
    assert found == []
