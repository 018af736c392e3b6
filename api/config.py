"""Configuration: one struct, read once from the environment or a `.env` file."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from dotenv import dotenv_values
from msgspec import Meta

from api.lib import tracing
from api.lib.encryption import is_clear

MINIMUM_SECRET = 32


class UnsafeConfiguration(Exception):
    """The configuration cannot be used; the message says how to mend it."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every setting. The variable of a field is `GUILDHALL_` and its name in capitals (`database_url` alone is plain
    `DATABASE_URL`). The variable with `_FILE` behind it names a file that holds the value instead."""

    env: Annotated[
        Literal["development", "production"],
        Meta(description="`production` refuses unsafe defaults and never migrates by itself"),
    ] = "development"
    host: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="port to listen on")] = 8000
    workers: Annotated[int, Meta(ge=1, le=64, description="worker processes")] = 1
    public_url: Annotated[
        str | None, Meta(description="address at which people reach the server; `https://…` in production")
    ] = None
    trusted_proxies: Annotated[
        str, Meta(description="addresses of proxies whose `X-Forwarded-*` is trusted, separated by commas")
    ] = ""
    database_url: Annotated[
        str | None, Meta(description="`postgresql://…` of your own server; empty: Guildhall starts an embedded one")
    ] = None
    owner_database_url: Annotated[
        str | None, Meta(description="the same database as its owner, for migrations; empty: `DATABASE_URL`")
    ] = None
    session_database_url: Annotated[
        str | None,
        Meta(
            description="the same database and log-in without a pooler that lends connections by transactions; "
            "empty: `DATABASE_URL`"
        ),
    ] = None
    read_database_url: Annotated[
        str | None, Meta(description="a replica for leaderboards, series, exports and pictures; empty: there is none")
    ] = None
    read_lag_seconds: Annotated[
        int, Meta(ge=1, le=300, description="a replica that is further behind than this is not asked")
    ] = 5
    prepared_statements: Annotated[
        bool | None,
        Meta(description="whether connections keep prepared statements; empty: if no pooler stands in front"),
    ] = None
    database_plaintext: Annotated[
        bool, Meta(description="allow a database on another machine without TLS, on a network of your own")
    ] = False
    data_dir: Annotated[str, Meta(description="folder of the embedded database and of the generated secret")] = (
        ".guildhall"
    )
    pool_size: Annotated[int, Meta(ge=2, le=100, description="database connections of one worker")] = 10
    acquire_timeout_ms: Annotated[
        int, Meta(ge=10, le=60_000, description="longest wait for a connection, then 503")
    ] = 500
    request_timeout_seconds: Annotated[
        int, Meta(ge=1, le=300, description="longest time for one request, then 503")
    ] = 15
    anonymous_rate_limit: Annotated[
        int, Meta(ge=1, le=1_000_000, description="refusals a minute for one address without a valid key, then 429")
    ] = 60
    streams_per_key: Annotated[
        int, Meta(ge=1, le=10_000, description="event streams that a key may have open on one worker, then 429")
    ] = 64
    secret: Annotated[
        str | None,
        Meta(description="signs cursors and encrypts tokens, 32 characters or more; generated outside production"),
    ] = None
    secret_previous: Annotated[str | None, Meta(description="the previous secret, during a rotation")] = None
    discord_client_id: Annotated[
        str | None, Meta(description="id of the application at Discord for log-in; empty: nobody can log in")
    ] = None
    discord_client_secret: Annotated[str | None, Meta(description="secret of that application")] = None
    discord_api_url: Annotated[str, Meta(description="address of Discord's API")] = "https://discord.com/api/v10"
    discord_authorize_url: Annotated[str, Meta(description="address at which Discord asks people to log in")] = (
        "https://discord.com/oauth2/authorize"
    )
    retention_days: Annotated[
        int, Meta(ge=1, le=3650, description="days for which a deleted guild can be restored")
    ] = 30
    revisions_kept: Annotated[
        int, Meta(ge=100, le=1_000_000, description="revisions of a module's settings that are kept for each guild")
    ] = 1000
    revisions_kept_days: Annotated[
        int, Meta(ge=30, le=36_500, description="days for which revisions are kept; the current one always stays")
    ] = 730
    hours_kept_days: Annotated[
        int, Meta(ge=8, le=3650, description="days for which activity by hour is kept; older activity is known by day")
    ] = 90
    days_kept_days: Annotated[
        Annotated[int, Meta(ge=400, le=36_500)] | None,
        Meta(description="days for which activity by day and past leaderboards are kept; empty: for ever"),
    ] = None
    webhook_private_addresses: Annotated[
        bool, Meta(description="allow webhooks to private addresses, such as those of your own network")
    ] = False
    fonts: Annotated[
        str | None,
        Meta(description="folder with more fonts for pictures, such as those of Chinese, Japanese and Korean"),
    ] = None
    jobs: Annotated[
        bool, Meta(description="run imports, backfills and webhooks in the server; if false, `guildhall worker` does")
    ] = True
    admin: Annotated[bool, Meta(description="serve Piccolo Admin (the extra `admin`) at `/admin/`")] = True
    admin_second_factor: Annotated[
        Literal["optional", "required"],
        Meta(description="whether administrators need an authenticator app in addition to the password"),
    ] = "optional"
    metrics_token: Annotated[
        str | None, Meta(description="opens `/metrics` as a bearer token; empty: open, in production closed")
    ] = None
    traces_url: Annotated[
        str | None, Meta(description="where a collector takes OTLP over HTTP; needs the extra `otel`; empty: no traces")
    ] = None
    drain_seconds: Annotated[
        Annotated[int, Meta(ge=0, le=60)] | None,
        Meta(description="seconds between `not ready` and closing; 5 in production, else 0"),
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="lowest level that is logged")
    ] = "info"
    log_format: Annotated[
        Literal["json", "console"] | None, Meta(description="`json` in production, else `console`")
    ] = None

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def own_url(self) -> str:
        """The address at which this machine's own browser finds the server."""
        host = "localhost" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - it is only compared with
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def data_path(self) -> Path:
        return Path(self.data_dir).resolve()

    @property
    def console_log(self) -> bool:
        return self.log_format == "console" or (self.log_format is None and not self.production)

    @property
    def drain(self) -> int:
        return (5 if self.production else 0) if self.drain_seconds is None else self.drain_seconds


def variable(field: str) -> str:
    """The environment variable that sets a field."""
    return "DATABASE_URL" if field == "database_url" else f"GUILDHALL_{field.upper()}"


def load(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """Settings from the environment, which wins, and `.env`. Raises `UnsafeConfiguration`."""
    sources: list[Mapping[str, str | None]] = [os.environ if environ is None else environ]
    if dotenv is not None and dotenv.is_file():
        sources.append(dotenv_values(dotenv))
    raw = {}
    for field in Settings.__struct_fields__:
        value = next((found for source in sources if (found := _find(source, variable(field)))), None)
        if value is not None:
            raw[field] = value
    try:
        settings = msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$.")
        field = where.rstrip("`")
        raise UnsafeConfiguration(f"{variable(field)}: {text} ({_about(field)}).") from None
    _refuse_unsafe(settings)
    _refuse_clear(settings, os.environ if environ is None else environ)
    return settings


def _about(field: str) -> str:
    """What a field is for, and which words it takes where those are few."""
    schema = msgspec.json.schema(Settings)["$defs"]["Settings"]["properties"][field]
    choices = next((form["enum"] for form in (schema, *schema.get("anyOf", ())) if "enum" in form), None)
    return str(schema["description"]) + ("" if choices is None else f"; one of {', '.join(choices)}")


def _find(source: Mapping[str, str | None], name: str) -> str | None:
    """The value of a variable, or of the file that `<name>_FILE` names."""
    path = source.get(f"{name}_FILE")
    if not path:
        return source.get(name)
    try:
        if value := Path(path).read_text(encoding="utf-8").strip():
            return value
        raise UnsafeConfiguration(f"{name}_FILE names {path}: it is empty.")
    except OSError as error:
        raise UnsafeConfiguration(f"{name}_FILE names {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnsafeConfiguration(f"{name}_FILE names {path}: it is not UTF-8 text.") from None


def _refuse_unsafe(settings: Settings) -> None:
    for name in ("secret", "secret_previous", "metrics_token"):
        secret = getattr(settings, name)
        if secret is not None and len(secret) < MINIMUM_SECRET:
            raise UnsafeConfiguration(f"{variable(name)} needs at least {MINIMUM_SECRET} characters.")
    if (settings.discord_client_id is None) != (settings.discord_client_secret is None):
        raise UnsafeConfiguration("Set GUILDHALL_DISCORD_CLIENT_ID and GUILDHALL_DISCORD_CLIENT_SECRET, or neither.")
    if settings.traces_url is not None and (fault := tracing.fault(settings.traces_url)) is not None:
        raise UnsafeConfiguration(f"GUILDHALL_TRACES_URL {fault}")
    if not settings.production:
        return
    for name in ("discord_api_url", "discord_authorize_url"):
        if not getattr(settings, name).startswith("https://"):
            raise UnsafeConfiguration(f"{variable(name)} is not an https:// address: tokens would be sent unencrypted.")
    if settings.secret is None:
        unset = "GUILDHALL_SECRET is not set, and in production none is made by itself."
        raise UnsafeConfiguration(f"{unset} Make one with `openssl rand -hex 32`, and set it or GUILDHALL_SECRET_FILE.")
    if "*" in settings.trusted_proxies:
        raise UnsafeConfiguration(
            "GUILDHALL_TRUSTED_PROXIES holds `*`: anybody could forge an address. Name the proxy's."
        )
    if settings.public_url is None or not settings.public_url.startswith("https://"):
        raise UnsafeConfiguration(
            "GUILDHALL_PUBLIC_URL is not an https:// address. Cookies and keys must not be sent unencrypted: "
            "use a proxy that terminates TLS, and set the address at which people reach it."
        )


def _refuse_clear(settings: Settings, environ: Mapping[str, str]) -> None:
    for name in ("database_url", "owner_database_url", "session_database_url", "read_database_url"):
        url = getattr(settings, name)
        if url is not None and not settings.database_plaintext and is_clear(url, environ):
            raise UnsafeConfiguration(
                f"{variable(name)} leads to another machine, and the connection may be unencrypted. Add "
                "`?sslmode=verify-full` to it (at least `require`). If the network between them is yours alone, "
                "set GUILDHALL_DATABASE_PLAINTEXT=true."
            )
