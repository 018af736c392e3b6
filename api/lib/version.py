"""The version of Guildhall, and the name of its package. The plain name belongs to somebody else on the index."""

from importlib.metadata import version

PACKAGE = "guildhall-server"
VERSION = version(PACKAGE)
