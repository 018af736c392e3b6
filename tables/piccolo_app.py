"""Where Piccolo's command line finds the migrations."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

# It names no tables: migrations are SQL, so `piccolo migrations new --auto` would create all tables again.
APP_CONFIG = AppConfig(
    app_name="guildhall",
    migrations_folder_path=str(Path(__file__).parents[1] / "piccolo_migrations"),
)
