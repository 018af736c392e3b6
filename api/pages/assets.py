"""The files that pages load, read once and kept in memory."""

import gzip
from hashlib import blake2b
from pathlib import Path, PurePosixPath

import msgspec

from api.lib.languages import LANGUAGES

# Listed here because the system's table of media types differs between machines. Litestar adds the charset of text.
_MEDIA_TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".ico": "image/x-icon",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_PLAIN = "text/plain"
_COMPRESSED = frozenset({".css", ".js", ".json", ".svg"})
_FEW_BYTES = 1024  # fit into the packet that the answer needs anyway


class Asset(msgspec.Struct, frozen=True):
    """One file: its bytes, and its gzipped bytes if it is text that gains by it."""

    media_type: str
    digest: str
    body: bytes
    gzipped: bytes | None

    @property
    def etag(self) -> str:
        """The strong validator of the plain bytes."""
        return f'"{self.digest}"'

    @property
    def gzip_etag(self) -> str:
        """The strong validator of the gzipped bytes. Other bytes need another validator (RFC 9110, 8.8.3)."""
        return f'"{self.digest}-gzip"'


def read_assets(folder: Path) -> dict[str, Asset]:
    """Every file below `folder` by its path there, `vendor/x/y.js`; `y.js.gz` is listed as `y.js`.

    Hidden files are left out. A file that is not in the result cannot be served, whatever path a client requests."""
    assets = {}
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_file() and not any(part.startswith(".") for part in PurePosixPath(name).parts):
            stored = file.read_bytes()
            zipped = file.suffix == ".gz"
            assets[name.removesuffix(".gz")] = _asset(
                name.removesuffix(".gz"),
                body=gzip.decompress(stored) if zipped else stored,
                gzipped=stored if zipped else _gzipped(name, stored),
            )
    return assets


def _gzipped(name: str, body: bytes) -> bytes | None:
    if PurePosixPath(name).suffix not in _COMPRESSED or len(body) < _FEW_BYTES:
        return None
    return gzip.compress(body, mtime=0)


def _asset(name: str, *, body: bytes, gzipped: bytes | None) -> Asset:
    return Asset(
        media_type=_MEDIA_TYPES.get(PurePosixPath(name).suffix, _PLAIN),
        digest=blake2b(body, digest_size=16).hexdigest(),
        body=body,
        gzipped=gzipped,
    )


def _catalogs() -> dict[str, Asset]:
    """The texts of each language for the dashboard."""
    bodies = {f"languages/{tag}.json": language.as_json() for tag, language in LANGUAGES.items()}
    return {name: _asset(name, body=body, gzipped=_gzipped(name, body)) for name, body in bodies.items()}


ASSETS = read_assets(Path(__file__).with_name("assets")) | _catalogs()


def address(name: str) -> str:
    """The address of a file with the digest of its content, so that clients may cache it for a year. A missing file is
    a KeyError."""
    return f"/assets/{name}?v={ASSETS[name].digest}"


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` value accepts gzip: named, and not with a weight of zero."""
    for choice in accept_encoding.lower().split(","):
        coding, _, weight = choice.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def names_etag(if_none_match: str, etag: str) -> bool:
    """Whether an `If-None-Match` value names `etag`, compared weakly (RFC 9110, 13.1.2), or is `*`."""
    named = (candidate.strip().removeprefix("W/") for candidate in if_none_match.split(","))
    return any(candidate in {etag, "*"} for candidate in named)
