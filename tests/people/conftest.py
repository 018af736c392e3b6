"""What tests of people share."""

import httpx
import pytest
from litestar import Litestar
from litestar.types import ASGIApp

from tests.support.browsers import Browsers
from tests.support.discord import Discord


@pytest.fixture
def discord(standing_in: Discord, running_app: Litestar) -> Discord:
    """Discord as it is at first, and remembered by nobody."""
    standing_in.__init__()  # type: ignore[misc] # the application holds on to this very one
    people = running_app.state["people"]
    for kept in (people.access._guilds, people.access._roles):
        kept._known.clear()
        kept._failed.clear()
    people.discord._paused.clear()
    return standing_in


@pytest.fixture
def browsers(app: ASGIApp, discord: Discord, bot: httpx.AsyncClient) -> Browsers:
    """Makes browsers, once Harbour and Quarry are there."""
    return Browsers(app, discord)
