"""Colours that can be read, whatever accent is chosen: WCAG 2.2's relative luminance and contrast.
https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""

from typing import NamedTuple

WHITE, BLACK = "#ffffff", "#000000"
TEXT = 4.5  # the least contrast of text
SEEN = 2.0  # and of the bar on its track: the numbers in it say the same

_INK, _SOFT = "#ffffff", "#b9bdc9"
_DARK = "#1e1f2b"
_TRACK = "#34364a"
_STEPS = 20

# Over a picture, which may be white all over, with a shade of this alpha, the palest backdrop that there is.
_SHADE, _SHADE_ALPHA = "#12131c", 0.78


class Palette(NamedTuple):
    """The colours of a picture. `backdrop`: from, to. `shade`: what lies over a guild's own picture."""

    ink: str
    soft: str
    accent: str
    bar: str
    on_bar: str
    track: str
    on_track: str
    backdrop: tuple[str, str]
    shade: str | None


def luminance(color: str) -> float:
    """The relative luminance, from 0 to 1."""
    red, green, blue = (_linear(part / 255) for part in _parts(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """`one`, with this share of `other`."""
    pairs = zip(_parts(one), _parts(other), strict=True)
    return "#" + "".join(f"{round(first + (second - first) * share):02x}" for first, second in pairs)


def lightened(color: str, backdrops: tuple[str, ...], least: float) -> str:
    """The colour, mixed with white until its contrast with each of these dark backdrops is at least `least`."""
    for step in range(_STEPS + 1):
        found = mixed(color, WHITE, step / _STEPS)
        if all(contrast(found, each) >= least for each in backdrops):
            break
    return found


def readable_on(color: str) -> str:
    """Black or white, whichever is easier to read on it: 4.58 at least."""
    return WHITE if contrast(WHITE, color) >= contrast(BLACK, color) else BLACK


def palette(accent: str, background: str) -> Palette:
    """The colours for an accent and a kind of background: `color`, `gradient`, `picture`."""
    accent = accent.lower()
    palest = mixed(WHITE, _SHADE, _SHADE_ALPHA)
    backdrop = {"color": (_DARK, _DARK), "gradient": (_dimmed(accent), _DARK), "picture": (palest, _SHADE)}[background]
    track = mixed(_TRACK, WHITE, 0.08) if background == "picture" else _TRACK
    bar = lightened(accent, (track,), SEEN)
    return Palette(
        ink=_INK,
        soft=lightened(_SOFT, backdrop, TEXT),
        accent=lightened(accent, backdrop, TEXT),
        bar=bar,
        on_bar=readable_on(bar),
        track=track,
        on_track=_INK,
        backdrop=backdrop,
        shade=f"{_SHADE}{round(_SHADE_ALPHA * 255):02x}" if background == "picture" else None,
    )


def face_color(user_id: int) -> str:
    """A colour for somebody without a picture, always the same one."""
    colors = ("#5865f2", "#3ba55d", "#b5651d", "#d83c3e", "#9b59b6", "#11806a", "#206694", "#ad1457")
    return colors[(user_id >> 22) % len(colors)]


def _dimmed(accent: str) -> str:
    """A dark colour with the accent's hue."""
    for step in range(_STEPS + 1):
        found = mixed(accent, _DARK, 0.45 + 0.55 * step / _STEPS)
        if contrast(found, _INK) >= 9:
            break
    return found


def _parts(color: str) -> tuple[int, int, int]:
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _linear(part: float) -> float:
    return float(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
