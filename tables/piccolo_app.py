"""Tells Piccolo's command line where the migrations stand."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

# It names no tables: migrations are written in SQL, so `piccolo migrations new --auto` would make all tables once more.
APP_CONFIG = AppConfig(
    app_name="guildhall",
    migrations_folder_path=str(Path(__file__).parents[1] / "piccolo_migrations"),
)
