"""Pictures as these tests look at them."""

import io

import httpx2
from PIL import Image


def opened(answer: httpx2.Response) -> Image.Image:
    """The picture of an answer."""
    assert answer.status_code == 200, answer.text
    return image(answer.content)


def image(content: bytes) -> Image.Image:
    """The picture in these bytes."""
    found = Image.open(io.BytesIO(content))
    found.load()
    return found


def distance(one: Image.Image, other: Image.Image) -> float:
    """How far apart two pictures of one size are, on average: 0 to 255, of each colour of each pixel."""
    first, second = (each.convert("RGBA").tobytes() for each in (one, other))
    assert one.size == other.size
    return sum(abs(a - b) for a, b in zip(first, second, strict=True)) / len(first)


def png(width: int = 128, height: int = 128, color: str = "#ff0000", kind: str = "PNG") -> bytes:
    """An image of one colour."""
    written = io.BytesIO()
    Image.new("RGB", (width, height), color).save(written, kind)
    return written.getvalue()
