"""Where Piccolo finds its engine and its tables."""

from piccolo.conf.apps import AppRegistry

from api.postgres.engine import make_engine

DB = make_engine()

APP_REGISTRY = AppRegistry(apps=["tables.piccolo_app"])
