"""What becomes of a name that somebody sends. The rule alone, by a table and by properties."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.lib.text import nfc
from api.members.names import LONGEST, UNKNOWN, GivenNames, cleaned, merged

MEGABYTE = 1_000_000
CPU_SECONDS = 0.1  # 0.003 are usual


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Z" + "\u0300" * 50 + "algo", "Z" + "\u0300" * 4 + "algo"),
        ("Z" + "\u0e47" * 50, "Z" + "\u0e47" * 4),
        ("a" + "\u0316\u200d" * 50 + "b", "a" + "\u0316\u200d" * 4 + "\u200d" * 46 + "b"),
        ("\u05e9\u05c1\u05bc\u05b8\u05bd", "\u05e9\u05c1\u05bc\u05b8\u05bd"),
        ("\u200b\u3164 Ada\u2800 \u200b", "Ada"),
        ("\U000e0041Ada", "Ada"),
        ("\u2764\ufe0f", "\u2764\ufe0f"),
        ("\u200b" * 300 + "Ada", "Ada"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",) * 2,
        ("\ufe0f\u200d\u3164", None),
    ],
)
def test_what_is_kept(text: str, kept: str | None) -> None:
    expected = None if kept is None else nfc(kept)
    assert cleaned(text) == expected
    names, _ = merged(UNKNOWN, GivenNames(text, text))
    assert (names.username, names.display_name) == (expected, expected)


@given(
    st.one_of(st.text(), st.text(alphabet="ae\u0300\u0316\u0344\ufb2c\u200b\u200d\ufe0f\u3164 \u202e", max_size=300))
)
def test_cleaning_again_changes_nothing(text: str) -> None:
    name = cleaned(text)
    if name is not None:
        assert len(name) <= LONGEST
        assert cleaned(name) == name == nfc(name)


@pytest.mark.parametrize(
    "text",
    [
        "\u200b" * MEGABYTE,
        "\U000e0fff" * MEGABYTE + "a",
        "a" + "\u200b" * MEGABYTE + "b" + "\u200b" * MEGABYTE,
        "a" + "\u0300\u0316" * (MEGABYTE // 2),
        "a\u0300\u0316\u0300\u0316\u0300" * (MEGABYTE // 6),
        "\u0300\x01" * (MEGABYTE // 2),
        "\ufdfa" * MEGABYTE,
    ],
    ids=["unseen", "tags", "within", "marks", "letters", "control", "ligatures"],
)
def test_a_name_of_a_megabyte_costs_little(text: str) -> None:
    began = time.process_time()
    merged(UNKNOWN, GivenNames(text, text))
    assert time.process_time() - began < CPU_SECONDS
