from piccolo.apps.migrations.auto.migration_manager import MigrationManager

ID = "2026-11-29T16:21:00:000000"
VERSION = "1.38.0"
DESCRIPTION = "A log-in is stored when it is done, no longer when it begins"


async def forwards():
    manager = MigrationManager(migration_id=ID, app_name="guildhall", description=DESCRIPTION)

    manager.drop_column(
        table_class_name="Login",
        tablename="logins",
        column_name="browser_hash",
        db_column_name="browser_hash",
        schema=None,
    )

    manager.drop_column(
        table_class_name="Login",
        tablename="logins",
        column_name="return_to",
        db_column_name="return_to",
        schema=None,
    )

    manager.drop_column(
        table_class_name="Login",
        tablename="logins",
        column_name="verifier",
        db_column_name="verifier",
        schema=None,
    )

    return manager
