"""What an application was put together of."""

from litestar import Litestar

from api.services import Services


def services_of(app: Litestar) -> Services:
    """Its services."""
    found: Services = app.state["services"]
    return found
