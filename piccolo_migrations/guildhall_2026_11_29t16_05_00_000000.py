from piccolo.apps.migrations.auto.migration_manager import MigrationManager
from piccolo.columns.column_types import BigInt
from piccolo.columns.indexes import IndexMethod

ID = "2026-11-29T16:05:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "An import knows the session that asked for it, and ends with it"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    manager.add_column(
        table_class_name="Import",
        tablename="imports",
        column_name="session_id",
        db_column_name="session_id",
        column_class_name="BigInt",
        column_class=BigInt,
        params={
            "default": None,
            "null": True,
            "primary_key": False,
            "unique": False,
            "index": False,
            "index_method": IndexMethod.btree,
            "choices": None,
            "db_column_name": None,
            "secret": False,
        },
        schema=None,
    )

    return manager
