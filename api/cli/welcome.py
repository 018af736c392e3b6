"""The text that a started server prints: its addresses."""

import socket

from api.admin.package import is_installed
from api.config import Settings
from api.postgres.provision import Located

TO_BE_EXPORTED = "$GUILDHALL_KEY"
EXAMPLE_GUILD = "81384788765712384"


def welcome(settings: Settings, found: Located, key: str | None, listening: socket.socket) -> str:
    """A few lines for a person. `key` is the first key's secret, if it was made just now."""
    host, port = listening.getsockname()[:2]
    host = "localhost" if host in ("0.0.0.0", "::") else host  # noqa: S104 - only compared
    base = settings.public_url or f"http://{host}:{port}"
    lines = [
        "",
        f"  Guildhall is ready        {base}/",
        f"  API reference             {base}/schema",
    ]
    if settings.discord_client_id is not None:
        lines.append(f"  Dashboard                 {base}/dashboard/")
    if settings.admin and is_installed():
        lines.append(f"  Admin                     {base}/admin/")
    if found.embedded is not None:
        lines.append(f"  Database                  embedded, in {settings.data_path / 'postgres'}")
        lines += [f"  Opened (o+x) to PostgreSQL's own user: {path}" for path in found.embedded.opened]
    lines += [
        "",
        "  Try it:",
        f"  curl -X PUT {base}/v1/guilds/{EXAMPLE_GUILD} \\",
        f'    -H "Authorization: Bearer {key or TO_BE_EXPORTED}" \\',
        "    -H 'Content-Type: application/json' -d '{\"name\": \"Harbour\"}'",
        "",
    ]
    return "\n".join(lines)
