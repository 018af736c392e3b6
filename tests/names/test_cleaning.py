"""Names that nobody has typed here are cleaned. The rule alone, by a table and by properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.lib.formats import is_name
from api.lib.text import cleaned_name, nfc, without_halves
from tests.names.cases import BAD, GOOD

odd = st.text(
    st.one_of(
        st.sampled_from("".join(text for text, _ in BAD.values()) + "".join(GOOD.values()) + "\ud83d\udc00"),
        st.characters(),
    ),
    max_size=8,
)


@pytest.mark.parametrize(("text", "left"), BAD.values(), ids=BAD)
def test_what_no_name_holds(text: str, left: str) -> None:
    assert not is_name(text)
    assert cleaned_name(text, "17") == (left or "17")


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_stays(text: str) -> None:
    assert is_name(text)
    assert cleaned_name(text, "17") == nfc(text)


def test_halves_of_pairs() -> None:
    assert not is_name("a\ud83d")
    assert cleaned_name("a\ud83d", "17") == "a"
    whole = rb'"\ud83d\ude00 \\ud83d"'
    assert without_halves(whole) == whole
    assert without_halves(rb'["x\ud83d", "\udc00"]') == b'["x", ""]'


@given(odd)
def test_cleaning_makes_a_name_and_cleaning_again_changes_nothing(text: str) -> None:
    name = cleaned_name(text, "17")
    assert is_name(name)
    assert cleaned_name(name, "17") == name


@given(odd)
def test_a_clean_name_passes(text: str) -> None:
    if is_name(text):
        assert cleaned_name(text, "17") == nfc(text.strip())
