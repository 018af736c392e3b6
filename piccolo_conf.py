"""Where Piccolo finds its engine and its tables."""

from typing import TYPE_CHECKING

from api.postgres.engine import make_engine

if TYPE_CHECKING:
    from piccolo.conf.apps import AppRegistry

DB = make_engine()


def __getattr__(name: str) -> "AppRegistry":
    """`APP_REGISTRY`, when Piccolo's command line asks for it: it brings a code formatter, which is a tenth of a
    server's memory and of its start."""
    if name != "APP_REGISTRY":
        raise AttributeError(name)
    from piccolo.conf.apps import AppRegistry  # see above

    return AppRegistry(apps=["tables.piccolo_app"])
