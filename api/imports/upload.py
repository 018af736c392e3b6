"""A file as it comes in, piece by piece."""

from collections.abc import AsyncIterator

from api.errors import BodyTooLarge, UnreadableBody, UnsupportedMediaType
from api.http import headers
from api.http.requests import GuildhallRequest, refuse_encoded
from api.imports.dtos import Source
from api.imports.rules import CSV, MEDIA_TYPES


def uploaded(request: GuildhallRequest, source: Source, largest: int) -> AsyncIterator[bytes]:
    """The body of a request. Raises `UnsupportedMediaType`, `BadHeader`, `BodyTooLarge`; while it is read, also
    `UnreadableBody`."""
    refuse_encoded(request)
    wanted = MEDIA_TYPES[source]
    kind, parameters = request.content_type
    charsets = {"utf-8", "utf8"} | ({"utf-16"} if kind.lower() == CSV else set())
    if kind.lower() not in wanted or parameters.get("charset", "utf-8").lower() not in charsets:
        types = " or ".join(wanted)
        raise UnsupportedMediaType(
            f"Send a file of `{source}` as {types}, in UTF-8.", headers={"Accept": ", ".join(wanted)}
        )
    length = headers.content_length(request.headers.get("content-length"))
    if length is not None and length > largest:
        raise BodyTooLarge(f"The file is larger than {largest} bytes.")
    return _pieces(request, largest)


async def _pieces(request: GuildhallRequest, largest: int) -> AsyncIterator[bytes]:
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise UnreadableBody("The connection ended before the file did.")
        size += len(message["body"])
        if size > largest:
            raise BodyTooLarge(f"The file is larger than {largest} bytes.")
        if message["body"]:
            yield message["body"]
        if not message["more_body"]:
            return
