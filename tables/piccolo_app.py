"""Tells Piccolo's command line which tables there are and where their migrations stand."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from tables.by_migrations import TABLES

APP_CONFIG = AppConfig(
    app_name="guildhall",
    migrations_folder_path=str(Path(__file__).parents[1] / "piccolo_migrations"),
    table_classes=TABLES,
)
