"""Files for personal data or secrets, which nobody else can read."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(file: Path) -> Iterator[Path]:
    """A new file beside `file`, with mode 0600 before it has any content. When the block ends, it replaces `file`. If
    the block raises, it is removed and an older `file` stays. An existing `file` that is no ordinary file (a pipe,
    `/dev/stdout`) is written directly. Raises `OSError`."""
    if file.exists() and not file.is_file():
        yield file
        return
    temporary = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        temporary.touch(mode=0o600, exist_ok=False)
        yield temporary
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
