"""Fixtures of the architecture tests."""

import httpx2
import pytest

from api.app import describe
from tests.architecture.described import Description
from tests.architecture.world import World
from tests.support.browsers import Browsers


@pytest.fixture(scope="session")
def description() -> Description:
    return Description(describe())


@pytest.fixture
def world(bot: httpx2.AsyncClient, browsers: Browsers, description: Description) -> World:
    return World(bot, browsers, description)
