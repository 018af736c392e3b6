"""No choice of colours makes text unreadable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cards.colors import SEEN, TEXT, contrast, face_color, palette, readable_on

COLORS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#00ff00", 2.91),
        ("#123456", "#123456", 1),
    ],
)
def test_contrast(one: str, other: str, expected: float) -> None:
    assert round(contrast(one, other), 2) == expected
    assert contrast(one, other) == contrast(other, one)


@given(COLORS, st.sampled_from(["color", "gradient", "picture"]))
def test_every_text_can_be_read(accent: str, background: str) -> None:
    found = palette(accent, background)
    for text in (found.ink, found.soft, found.accent):
        assert min(contrast(text, each) for each in found.backdrop) >= TEXT
    assert contrast(found.on_bar, found.bar) >= TEXT
    assert contrast(found.on_track, found.track) >= TEXT
    assert contrast(found.bar, found.track) >= SEEN


@given(st.integers(1, 2**63 - 1))
def test_initials_can_be_read(user_id: int) -> None:
    assert contrast(face_color(user_id), readable_on(face_color(user_id))) >= TEXT
