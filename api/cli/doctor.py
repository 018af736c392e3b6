"""`guildhall doctor`: checks an installation, and says how to fix what is wrong."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from api.cards.frames import Boxes, FindBoxes
from api.cards.renderer import Renderer
from api.config import Settings, variable
from api.errors import PicturesBusy, PicturesNotInstalled
from api.postgres import catalog
from api.postgres.access import UnusableDatabase, find_access
from api.postgres.connections import PlainConnection, connect
from api.postgres.failures import UNREACHABLE
from api.postgres.migrations import applied, known
from api.postgres.preflight import LEAST_VERSION, connections
from api.postgres.provision import APP, READ_ONLY, unreachable
from api.postgres.replica_setup import examine_replica
from api.postgres.rights import ways_to_rewrite

CLOCK_SECONDS = 2.0


class Finding(msgspec.Struct, frozen=True):
    """The result of one check. `mend`: how to fix it; None if it is fine."""

    about: str
    mend: str | None = None


def misspelt(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like ours and set nothing. Clients' own, as the documentation names them, are none."""
    known = {variable(field) for field in Settings.__struct_fields__}
    known |= {f"{name}_FILE" for name in known} | {"GUILDHALL_URL", "GUILDHALL_KEY"}
    return sorted(name for name in environ if name.startswith("GUILDHALL_") and name not in known)


async def examine(settings: Settings) -> list[Finding]:
    """All findings. Later checks depend on earlier ones."""
    findings = [Finding(f"configuration: {settings.env}")]
    findings += [
        Finding(f"variable {name}", "It does not exist. Is it misspelt? docs/configuration.md lists the variables.")
        for name in misspelt(os.environ)
    ]
    try:
        access = await find_access(settings)
        connection = await connect(**access.session, timeout=5)
    except UNREACHABLE as error:
        return [*findings, Finding("connection", unreachable(error))]
    except UnusableDatabase as error:
        return [*findings, Finding("connection", str(error))]
    try:
        findings.append(Finding("connection through a pooler" if access.has_pooler else "connection"))
        findings += await _database(connection, settings, has_pooler=access.has_pooler)
        findings += await _roles(connection)
        findings += await _schema(connection)
        findings.append(await _clock(connection))
        if settings.read_database_url is not None:
            findings.append(await _replica(settings, connection))
    finally:
        await connection.close()
    findings.append(
        Finding(
            "secret",
            None
            if settings.secret or not settings.production
            else "Set GUILDHALL_SECRET. `openssl rand -hex 32` generates one.",
        )
    )
    findings.append(Finding(f"pictures: {await _pictures(settings)}"))
    return findings


async def _pictures(settings: Settings) -> str:
    """Which letters pictures can show. A server may do without all of them, so nothing here is a fault."""
    renderer = Renderer(settings.fonts)
    try:
        found = await renderer.ask(FindBoxes())
    except (PicturesNotInstalled, PicturesBusy) as error:
        return error.detail
    finally:
        await renderer.close()
    if not isinstance(found, Boxes) or not found.scripts:
        return "there are fonts for all scripts"
    return (
        f"no font for {', '.join(found.scripts)}: letters would be boxes. Install fonts (Debian: fonts-noto-cjk), "
        "or set GUILDHALL_FONTS to a folder that has them"
    )


async def _database(connection: PlainConnection, settings: Settings, *, has_pooler: bool) -> list[Finding]:
    version = int(await connection.fetchval("SHOW server_version_num"))
    wanted, offered = await connections(settings, connection, has_pooler=has_pooler)
    fsync = await connection.fetchval("SHOW fsync")
    return [
        Finding(
            f"PostgreSQL {version // 10_000}.{version % 10_000}",
            None if version >= LEAST_VERSION else "Guildhall needs PostgreSQL 16 or newer.",
        ),
        Finding(
            f"connections: {wanted} needed, {offered} available",
            None if wanted <= offered else "Lower GUILDHALL_WORKERS or GUILDHALL_POOL_SIZE.",
        ),
        Finding(
            "durability", None if fsync == "on" else "fsync is off: a power failure can lose data. Set fsync = on."
        ),
    ]


async def _roles(connection: PlainConnection) -> list[Finding]:
    names = {row["rolname"] for row in await connection.fetch("SELECT rolname FROM pg_roles")}
    migrate = "Run `guildhall migrate` as an owner with the right to create roles."
    findings = [
        Finding(f"role {role}", None if role in names else f"It does not exist. {migrate}") for role in (APP, READ_ONLY)
    ]
    current, superuser = await connection.fetchrow(
        "SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user"
    ) or ("?", False)
    findings.append(
        Finding(
            f"working as {current}",
            f"A superuser can do anything. In DATABASE_URL, use a log-in that is a member of {APP}."
            if superuser
            else None,
        )
    )
    ways = await ways_to_rewrite(connection)
    mend = (
        f"This log-in can change it: {ways}. In DATABASE_URL, use a log-in that is a "
        f"member of {APP} and of nothing else."
    )
    findings.append(Finding("audit log is append-only", None if ways is None else mend))
    return findings


async def _schema(connection: PlainConnection) -> list[Finding]:
    done = await applied(connection)
    missing = [id_ for id_ in known() if id_ not in done]
    migrations = Finding(
        f"migrations: {len(known()) - len(missing)} of {len(known())}",
        "Run `guildhall migrate`." if missing else None,
    )
    if done != set(known()):  # its schema is that of another version
        return [migrations]
    return [migrations, _drift(catalog.differences(await catalog.read(connection), catalog.expected()))]


def _drift(differences: list[str]) -> Finding:
    if not differences:
        return Finding("schema: matches the migrations")
    return Finding(
        "schema: differs from the migrations",
        f"{catalog.listed(differences)}. "
        "It was changed by hand, or restored only in part. Undo the change, or restore a backup.",
    )


async def _replica(settings: Settings, primary: PlainConnection) -> Finding:
    try:
        words = await examine_replica(settings, primary)
    except UnusableDatabase as error:
        return Finding("replica", str(error))
    return Finding("replica", None if words is None else f"The primary answers all reads, because {words}.")


async def _clock(connection: PlainConnection) -> Finding:
    theirs: datetime = await connection.fetchval("SELECT clock_timestamp()")
    apart = abs((datetime.now(UTC) - theirs).total_seconds())
    return Finding(
        f"clock: {apart:.1f} s from the database's",
        None if apart < CLOCK_SECONDS else "Synchronize the clocks of both machines by NTP.",
    )
