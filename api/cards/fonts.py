"""The fonts of pictures: those of the extra `cards`, our own of emoji, the operator's folder, the system's."""

from importlib.util import find_spec
from pathlib import Path

# By preference: each letter is drawn with the first font that has it. What none of them has, any other font may have.
LATIN = ("Inter", "Noto Sans")
OTHERS = ("Noto Sans Arabic", "Heebo", "Noto Sans Devanagari", "Noto Sans Thai", "Noto Sans Tamil", "Twemoji Mozilla")
_PACKAGES = (
    "fontpkg_inter",
    "fontpkg_noto_sans",
    "fontpkg_noto_sans_arabic",
    "fontpkg_heebo",
    "fontpkg_noto_sans_devanagari",
    "fontpkg_noto_sans_thai",
    "fontpkg_noto_sans_tamil",
)

# A letter of each script that a name is likely to have.
SAMPLES = {
    "Latin": "Åß",
    "Greek": "Ωλ",
    "Cyrillic": "Жю",
    "Arabic": "مك",
    "Hebrew": "שא",
    "Devanagari": "हि",
    "Thai": "กไ",
    "Tamil": "தழ",
    "Chinese": "们龙",
    "Japanese": "のツ",
    "Korean": "한글",
    "emoji": "🔥🏽",
}


def is_installed() -> bool:
    """Whether the extra is installed, without importing it."""
    return all(find_spec(name) is not None for name in ("typst", "PIL"))


def families(words: str) -> list[str]:
    """The families for these words. Chinese, Japanese and Korean share letters that each writes in its own way: kana
    mean Japanese, Hangul means Korean."""
    order = ("SC", "TC", "JP", "KR")
    if any("\u3040" <= letter <= "\u30ff" for letter in words):
        order = ("JP", "SC", "TC", "KR")
    elif any("\uac00" <= letter <= "\ud7a3" or "\u1100" <= letter <= "\u11ff" for letter in words):
        order = ("KR", "JP", "SC", "TC")
    return [*LATIN, *OTHERS, *(f"Noto Sans CJK {each}" for each in order)]


def folders(own: str | None) -> list[str]:
    """Where fonts are. `own`: the operator's folder."""
    found = [Path(__file__).parent / "fonts"]
    for name in _PACKAGES:
        spec = find_spec(name)
        found += [Path(each) / "files" for each in (spec.submodule_search_locations or ())] if spec else []
    if own:
        found.append(Path(own))
    return [str(each) for each in found if each.is_dir()]
