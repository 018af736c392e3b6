"""What these tests share."""

import httpx
import pytest

from api.app import describe
from tests.architecture.described import Description
from tests.architecture.world import World


@pytest.fixture(scope="session")
def description() -> Description:
    return Description(describe())


@pytest.fixture
def world(bot: httpx.AsyncClient, description: Description) -> World:
    return World(bot, description)
