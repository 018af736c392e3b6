"""An encoded answer: its JSON and its entity tag."""

from typing import Generic, TypeVar

import msgspec

from api.lib import etags

T = TypeVar("T")

encode = msgspec.json.Encoder().encode


class Encoded(msgspec.Struct, Generic[T], frozen=True):
    """The JSON of a `T`."""

    body: bytes
    etag: str


def encoded(view: T) -> Encoded[T]:
    """Encodes the view once, for any number of answers."""
    body = encode(view)
    return Encoded(body, etags.tag(body))
