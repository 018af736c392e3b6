from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.engine import engine_finder

ID = "2026-11-30T20:01:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "Webhooks lead to hosts without a dot at their end, which are refused since"

# The name is the same without the dot. What else is refused now (IPv4 as one number, a zone) may be read in several
# ways: such a webhook is disabled when something is owed to it.
MEND = r"""
    UPDATE webhooks SET url = regexp_replace(url, '^(https?://[^]/?#@:[]*[^]/?#@:.[])\.([/?#:]|$)', '\1\2')
    WHERE url ~ '^https?://[^]/?#@:[]*[^]/?#@:.[]\.([/?#:]|$)'
"""


async def forwards() -> MigrationManager:
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    async def mend() -> None:
        engine = engine_finder()
        assert engine is not None
        await engine.run_ddl(MEND)

    async def leave() -> None:
        """The older version reads both."""

    manager.add_raw(mend)
    manager.add_raw_backwards(leave)
    return manager
