"""The process that draws, `python -m api.cards.drawing`: it reads requests from its input, and writes replies to its
output. It holds one compiler with its fonts, ends with its input, and reads images that strangers made: the server
does neither.

Names come in as data and never as markup. Images lie in a folder of its own, in a fixed number of files that are
written again and again, since the compiler remembers every file that it has read."""

import io
import os
import shutil
import sys
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

import msgspec
import typst
from PIL import Image, ImageOps

from api.cards import frames
from api.cards.fonts import SAMPLES, families, folders
from api.lib.json import JsonObject, JsonValue, as_object

TEMPLATES = Path(__file__).parent / "templates"
PLACES = 512  # stored images
MOST_PIXELS = 2048 * 2048  # of an image that is stored
SIDES, JPEG_QUALITIES = (1868, 1200, 934), (88, 75, 60, 40)  # the first that is small enough
UPLOADED = ("PNG", "JPEG", "WEBP")

_NO_IMAGE = (OSError, ValueError, SyntaxError, EOFError, MemoryError, Image.DecompressionBombError)


class Images:
    """The stored images by name, the oldest of which give way to new ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._places: OrderedDict[str, int] = OrderedDict()

    def find(self, name: str) -> str | None:
        """The file's path within the folder."""
        place = self._places.get(name)
        if place is None:
            return None
        self._places.move_to_end(name)
        return _file(place)

    def store(self, request: frames.StoreImage) -> bool:
        """False: it is no image, or too large."""
        try:
            image = _opened(request.body, MOST_PIXELS)
            cut = ImageOps.fit(image.convert("RGBA"), (request.width, request.height), Image.Resampling.BICUBIC)
        except _NO_IMAGE:
            return False
        place = self._places.pop(request.name, None)
        if place is None:
            place = len(self._places) if len(self._places) < PLACES else self._places.popitem(last=False)[1]
        cut.save(self._folder / _file(place).lstrip("/"), "PNG", compress_level=1)
        self._places[request.name] = place
        return True


class Drawing:
    def __init__(self, folder: Path, fonts: str | None) -> None:
        """`fonts`: the operator's folder."""
        shutil.copytree(TEMPLATES, folder, dirs_exist_ok=True)
        self._folder = folder
        self._images = Images(folder)
        found = typst.Fonts(include_system_fonts=True, include_embedded_fonts=False, font_paths=folders(fonts))
        self._compiler = typst.Compiler(root=str(folder), font_paths=found)

    def reply(self, request: frames.Request) -> frames.Reply:
        """Executes a request. A failure is a reply too, and the process lives on."""
        try:
            match request:
                case frames.Draw():
                    return self._draw(request)
                case frames.StoreImage():
                    return frames.Stored(self._images.store(request))
                case frames.EncodeBackground():
                    return _background(request)
                case frames.FindBoxes():
                    return frames.Boxes(self._boxes())
        except (typst.TypstError, OSError, ValueError) as error:
            return frames.Failed(f"{type(error).__name__}: {error}"[:500])

    def _draw(self, request: frames.Draw) -> frames.Reply:
        missing: list[str] = []
        data = self._placed(request.data, missing)
        if missing:
            return frames.Missing(missing)
        body = self._compiled(request.template, "svg" if request.format == "svg" else "png", as_object(data))
        if request.format == "svg":
            return frames.Drawn(_in_pixels(body))
        return frames.Drawn(body if request.format == "png" else _webp(body))

    def _placed(self, node: JsonValue, missing: list[str]) -> JsonValue:
        """The data with the paths of images instead of their names."""
        if isinstance(node, list):
            return [self._placed(each, missing) for each in node]
        if not isinstance(node, dict):
            return node
        found = {key: self._placed(each, missing) for key, each in node.items()}
        name = node.get("file")
        if isinstance(name, str):
            found["file"] = self._images.find(name)
            if found["file"] is None:
                missing.append(name)
        return found

    def _compiled(self, template: str, kind: str, data: JsonObject) -> bytes:
        text = msgspec.json.encode(data).decode()
        path = str(self._folder / f"{template}.typ")
        body = self._compiler.compile(path, format="svg" if kind == "svg" else "png", ppi=72, sys_inputs={"data": text})
        if not isinstance(body, bytes):
            raise ValueError("more than one page")  # noqa: TRY004 - it is no fault of a caller
        return body

    def _boxes(self) -> list[str]:
        """Draws a letter of each script beside one that no font can have: what is drawn alike is a box."""
        return [name for name, letters in SAMPLES.items() if any(map(self._is_box, letters))]

    def _is_box(self, letter: str) -> bool:
        fonts: list[JsonValue] = [*families(letter)]
        drawn, box = (
            self._compiled("letter", "svg", {"fonts": fonts, "letter": each}) for each in (letter, "\U0010fffd")
        )
        return drawn == box


def _file(place: int) -> str:
    return f"/image-{place}.png"


def _opened(body: bytes, most: int) -> Image.Image:
    """The first frame, upright, of so many pixels at most. Raises one of `_NO_IMAGE`."""
    image = Image.open(io.BytesIO(body), formats=UPLOADED)
    if image.width * image.height > most:
        raise ValueError("too many pixels")
    image.load()
    ImageOps.exif_transpose(image, in_place=True)
    return image


def _background(request: frames.EncodeBackground) -> frames.Encoded:
    """JPEG, as good as fits, without what cameras write into it."""
    try:
        image = Image.open(io.BytesIO(request.body), formats=UPLOADED)
        if max(image.size) > request.most_pixels:
            return frames.Encoded(fault=f"has more than {request.most_pixels} pixels on a side")
        upright = _opened(request.body, request.most_pixels**2)
    except _NO_IMAGE:
        return frames.Encoded(fault="is no PNG, JPEG or WebP that can be read")
    flat = Image.new("RGB", upright.size, "#1e1f2b")
    flat.paste(upright.convert("RGB"), mask=upright.convert("RGBA").getchannel("A"))
    for side in SIDES:
        flat.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in JPEG_QUALITIES:
            written = io.BytesIO()
            flat.save(written, "JPEG", quality=quality)
            if written.tell() <= request.most_bytes:
                return frames.Encoded(written.getvalue(), flat.width, flat.height)
    return frames.Encoded(fault="cannot be made small enough")


def _webp(png: bytes) -> bytes:
    written = io.BytesIO()
    # Of plane colours, lossless is smaller than the lossy kind, and takes a third of its time.
    Image.open(io.BytesIO(png)).save(written, "WEBP", lossless=True, quality=0, method=0)
    return written.getvalue()


def _in_pixels(svg: bytes) -> bytes:
    """Typst counts in points, of which browsers would make more pixels."""
    head, end, rest = svg.partition(b">")
    return head.replace(b'pt"', b'"') + end + rest


def serve(source: BinaryIO, target: BinaryIO, drawing: Drawing) -> None:
    """Answers one request after another, until there are no more."""
    while len(head := source.read(frames.LENGTH)) == frames.LENGTH:
        body = source.read(int.from_bytes(head, "big"))
        target.write(frames.framed(drawing.reply(frames.read_request(body))))
        target.flush()


def main() -> None:
    Image.MAX_IMAGE_PIXELS = None  # ours are lower, and checked before
    source, target = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever is printed does not get between the replies
    with tempfile.TemporaryDirectory(prefix="guildhall-cards-") as folder:
        serve(source, target, Drawing(Path(folder), sys.argv[1] if len(sys.argv) > 1 else None))


if __name__ == "__main__":
    main()
