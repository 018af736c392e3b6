"""Header fields: what may be there once, and what is a value."""

import httpx2
import pytest

from tests.http.wire import Wire
from tests.support.clients import Clients


@pytest.mark.parametrize("name", ["Content-Type", "Last-Event-ID", "X-Audit-Log-Reason", "X-CSRF-Token"])
async def test_what_is_sent_twice_is_not_chosen_from(bot: httpx2.AsyncClient, name: str) -> None:
    answer = await bot.get("/v1/guilds", headers=[(name, "a"), (name, "b")])
    assert (answer.status_code, answer.json()["detail"]) == (400, f"There is more than one `{name}` header.")


async def test_blanks_around_a_value_are_not_of_it(wire: Wire, clients: Clients) -> None:
    """RFC 9110, 5.5."""
    secret = await clients.key()
    head = f"GET /v1/guilds HTTP/1.1\r\nHost: \t a \t\r\nAuthorization: Bearer {secret} \t\r\n\r\n"
    async with wire.open() as connection:
        connection.send(head.encode())
        assert (await connection.answer()).status == 200
