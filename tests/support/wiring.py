"""Access to the parts of an application."""

from litestar import Litestar

from api.services import Services


def services_of(app: Litestar) -> Services:
    """The application's services."""
    found: Services = app.state["services"]
    return found
