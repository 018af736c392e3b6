"""Cards in twelve scripts, and at the extremes, look as they did when somebody looked at them."""

from collections.abc import AsyncIterator
from itertools import combinations

import pytest
import typst
from PIL import Image

from api.cards.renderer import Renderer
from tests.cards.goldens import CJK, FOLDER, NAMES, drawn
from tests.cards.pictures import distance

NAME = (139, 55, 445, 83)  # where the name stands
NEAR = 4.0  # of the name; 64 colours, and another version of the compiler, make less than 2

HAS_CJK = any(name.startswith("Noto Sans CJK") for name in typst.Fonts(include_embedded_fonts=False).families())


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(None)
    yield made
    await made.close()


def golden(script: str) -> Image.Image:
    return Image.open(FOLDER / f"{script}.png").convert("RGB")


@pytest.mark.parametrize("script", NAMES)
async def test_a_script(renderer: Renderer, script: str) -> None:
    if script in CJK and not HAS_CJK:
        pytest.skip("no Noto Sans CJK here")
    found, expected = await drawn(renderer, NAMES[script]), golden(script)
    assert distance(found.crop(NAME), expected.crop(NAME)) < NEAR
    assert distance(found, expected) < 2


def test_another_name_is_not_near() -> None:
    """So a script that is drawn as boxes, or not at all, is noticed."""
    for one, other in combinations(NAMES, 2):
        assert distance(golden(one).crop(NAME), golden(other).crop(NAME)) > 2 * NEAR, (one, other)
