"""What the server and its drawing process say to each other: frames of MessagePack, each behind its length."""

from typing import Literal

import msgspec

from api.lib.json import JsonObject

Format = Literal["png", "webp", "svg"]
LENGTH = 4  # bytes, big-endian
LARGEST = 32 * 1024 * 1024


class Draw(msgspec.Struct, frozen=True, tag=True):
    """Draw a picture. In `data`, each member `file` that is not null is the name of a stored image."""

    template: str
    format: Format
    data: JsonObject


class StoreImage(msgspec.Struct, frozen=True, tag=True):
    """Keep an image that somebody sent, cut to this size."""

    name: str
    body: bytes
    width: int
    height: int


class EncodeBackground(msgspec.Struct, frozen=True, tag=True):
    """Read an uploaded picture, and write it again within bounds."""

    body: bytes
    most_pixels: int  # of a side
    most_bytes: int


class FindBoxes(msgspec.Struct, frozen=True, tag=True):
    """Find the scripts that no font has."""


class Drawn(msgspec.Struct, frozen=True, tag=True):
    body: bytes


class Missing(msgspec.Struct, frozen=True, tag=True):
    """Images that are not stored here."""

    names: list[str]


class Stored(msgspec.Struct, frozen=True, tag=True):
    """`is_image` false: it cannot be read as an image."""

    is_image: bool


class Encoded(msgspec.Struct, frozen=True, tag=True):
    """`fault`: why it was refused; None if it was not."""

    body: bytes = b""
    width: int = 0
    height: int = 0
    fault: str | None = None


class Boxes(msgspec.Struct, frozen=True, tag=True):
    scripts: list[str]


class Failed(msgspec.Struct, frozen=True, tag=True):
    error: str


Request = Draw | StoreImage | EncodeBackground | FindBoxes
Reply = Drawn | Missing | Stored | Encoded | Boxes | Failed

_encode = msgspec.msgpack.Encoder().encode
_requests: msgspec.msgpack.Decoder[Request] = msgspec.msgpack.Decoder(Request)
_replies: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


def framed(message: Request | Reply) -> bytes:
    """The message as it goes through the pipe."""
    body = _encode(message)
    return len(body).to_bytes(LENGTH, "big") + body


def read_request(body: bytes) -> Request:
    return _requests.decode(body)


def read_reply(body: bytes) -> Reply:
    return _replies.decode(body)
