from typing import Any

from api.config import Settings


def admin_routes(settings: Settings) -> list[Any]:
    return []
