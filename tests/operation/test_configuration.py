"""Configuration: where values come from, what is refused, and that its page lists all of it."""

from pathlib import Path

import pytest

from api.config import Settings, UnsafeConfiguration, load, variable
from tests.support.configuration import BEGIN, END, PAGE, table

LONG = "a secret of more than thirty-two characters"


def test_the_page_lists_every_setting() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.partition(BEGIN)[2].partition(END)[0] == table(), "run: make configuration"


def test_table_has_name_default_and_words_of_each() -> None:
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table().splitlines()[2:]]
    assert [row[0] for row in rows] == [f"`{variable(field)}`" for field in Settings.__struct_fields__]
    assert ["`GUILDHALL_POOL_SIZE`", "`10`", "database connections of one worker"] in rows
    assert all(row[2] for row in rows)


def test_defaults() -> None:
    assert load({}, dotenv=None) == Settings()


def test_environment_wins_over_dotenv(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"GUILDHALL_PORT=9000\nGUILDHALL_HOST=192.0.2.1\nGUILDHALL_SECRET={LONG}\n")
    settings = load({"GUILDHALL_PORT": "9001"}, dotenv=dotenv)
    assert (settings.port, settings.host, settings.secret) == (9001, "192.0.2.1", LONG)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{LONG}\n")
    settings = load({"GUILDHALL_SECRET_FILE": str(tmp_path / "secret")}, dotenv=None)
    assert settings.secret == LONG
    (tmp_path / "url").write_text("postgresql://ada@/guildhall")
    assert load({"DATABASE_URL_FILE": str(tmp_path / "url")}, dotenv=None).database_url == "postgresql://ada@/guildhall"


def test_environment_wins_over_a_file_that_dotenv_names(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("9000")
    (tmp_path / ".env").write_text(f"GUILDHALL_PORT_FILE={tmp_path / 'port'}\n")
    assert load({}, dotenv=tmp_path / ".env").port == 9000
    assert load({"GUILDHALL_PORT": "9001"}, dotenv=tmp_path / ".env").port == 9001


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "No such file"), (b"", "it is empty"), (b"\xff\xfe", "it is not UTF-8 text")],
)
def test_unusable_files(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "secret").write_bytes(content)
    with pytest.raises(UnsafeConfiguration, match=f"GUILDHALL_SECRET_FILE names .*{words}"):
        load({"GUILDHALL_SECRET_FILE": str(tmp_path / "secret")}, dotenv=None)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GUILDHALL_PORT", "65536"), ("GUILDHALL_PORT", "x"), ("GUILDHALL_WORKERS", "0"), ("GUILDHALL_ADMIN", "maybe"),
        ("GUILDHALL_ENV", "prod"), ("GUILDHALL_LOG_LEVEL", "loud"), ("GUILDHALL_DRAIN_SECONDS", "-1"),
        ("GUILDHALL_SECRET", "short"), ("GUILDHALL_SECRET_PREVIOUS", "short"), ("GUILDHALL_METRICS_TOKEN", "short"),
    ],
)  # fmt: skip
def test_refusal_names_the_variable_and_no_secret(name: str, value: str) -> None:
    with pytest.raises(UnsafeConfiguration, match=f"^{name}\\b") as refused:
        load({name: value}, dotenv=None)
    assert "SECRET" not in name or value not in str(refused.value).replace("shorter", "")


@pytest.mark.parametrize("name", ["GUILDHALL_DISCORD_CLIENT_ID", "GUILDHALL_DISCORD_CLIENT_SECRET"])
def test_a_client_at_discord_has_an_id_and_a_secret(name: str) -> None:
    with pytest.raises(UnsafeConfiguration, match="or neither"):
        load({name: "1029384756102938475"}, dotenv=None)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:8000"), ("0.0.0.0", "http://localhost:8000"), ("::1", "http://[::1]:8000")],  # noqa: S104
)
def test_the_own_address_is_one_that_a_browser_takes(host: str, url: str) -> None:
    assert Settings(host=host).own_url == url


def test_production_needs_a_secret_and_tls() -> None:
    production = {"GUILDHALL_ENV": "production"}
    with pytest.raises(UnsafeConfiguration, match="GUILDHALL_SECRET is not set"):
        load(production, dotenv=None)
    with pytest.raises(UnsafeConfiguration, match="GUILDHALL_PUBLIC_URL is not an https"):
        load({**production, "GUILDHALL_SECRET": LONG}, dotenv=None)
    whole = {**production, "GUILDHALL_SECRET": LONG, "GUILDHALL_PUBLIC_URL": "https://guildhall.test"}
    with pytest.raises(UnsafeConfiguration, match="GUILDHALL_DISCORD_API_URL is not an https"):
        load({**whole, "GUILDHALL_DISCORD_API_URL": "http://discord.test"}, dotenv=None)
    settings = load(whole, dotenv=None)
    assert settings.drain == 5
    assert not settings.console_log
    assert load({}, dotenv=None).drain == 0


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql://ada@/guildhall", {}),
        ("postgresql:///guildhall?host=/var/run/postgresql", {}),
        ("postgresql://ada@%2Fvar%2Frun%2Fpostgresql/guildhall", {}),
        ("postgresql://ada:x@localhost:5432/guildhall", {}),
        ("postgresql://ada:x@127.0.0.2/guildhall", {}),
        ("postgresql://ada:x@[::1]:5432/guildhall", {}),
        ("postgresql://ada:x@localhost,[::1]:5433/guildhall", {}),
        ("postgresql://ada:x@db.example.org/guildhall?sslmode=require", {}),
        ("postgresql://ada:x@db.example.org/guildhall?sslmode=verify-full&sslrootcert=/etc/ca.pem", {}),
        ("postgresql://ada:x@db.example.org/guildhall", {"PGSSLMODE": "verify-ca"}),
        ("postgresql://ada:x@db.example.org/guildhall", {"GUILDHALL_DATABASE_PLAINTEXT": "true"}),
    ],
)
def test_a_database_that_nobody_can_listen_to(url: str, environ: dict[str, str]) -> None:
    for name in ("DATABASE_URL", "GUILDHALL_OWNER_DATABASE_URL"):
        load({name: url, **environ}, dotenv=None)


@pytest.mark.parametrize(
    ("url", "environ"),
    [
        ("postgresql://ada:x@db.example.org/guildhall", {}),
        ("postgresql://ada:x@db.example.org/guildhall?sslmode=prefer", {}),
        ("postgresql://ada:x@db.example.org/guildhall?sslmode=disable", {"PGSSLMODE": "require"}),
        ("postgresql://ada:x@db.example.org/guildhall?sslmode=require&sslmode=allow", {}),
        ("postgresql://ada:x@10.0.0.3:5432/guildhall", {}),
        ("postgresql://ada:x@[2001:db8::1]:5432/guildhall", {}),
        ("postgresql://ada:x@localhost,db.example.org/guildhall", {}),
        ("postgresql://ada:x@/guildhall?host=db.example.org", {}),
        ("postgresql://localhost.example.org/guildhall", {}),
        ("postgresql:///guildhall", {"PGHOST": "db.example.org"}),
        ("postgresql:///?service=db", {}),
    ],
)
def test_a_database_that_somebody_may_listen_to_is_refused(url: str, environ: dict[str, str]) -> None:
    for name in ("DATABASE_URL", "GUILDHALL_OWNER_DATABASE_URL"):
        with pytest.raises(UnsafeConfiguration, match=f"^{name} leads .*GUILDHALL_DATABASE_PLAINTEXT=true"):
            load({name: url, **environ}, dotenv=None)
