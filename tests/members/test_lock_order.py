"""Who makes members and who removes them, all at once, lock what they share in one order: nobody waits in a circle."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import httpx2
import pytest

from api.config import Settings
from api.postgres.engine import PlainConnection
from tests.achievements.support import OF_ALL, define, draft
from tests.activity.test_record import message
from tests.members.counters import assert_counters
from tests.members.people import leveling, member
from tests.operation.servers import another_process
from tests.support.clients import Clients
from tests.support.cluster import url
from tests.support.people import HARBOUR, QUARRY
from tests.support.serving import NO_TLS

CLIENTS = 16
PEOPLE_LOCK = 30
GUILDS = (HARBOUR, QUARRY)

# Of the same moment, so that they share few locks of those who make members, and of others.
USERS = [(number << 22) + number for number in range(1000, 1016)]

_MISCOUNTED = """
    SELECT 'members', guild_id, members FROM member_counts
    EXCEPT SELECT 'members', guild_id, count(*) FROM members GROUP BY guild_id
    UNION ALL (
        SELECT 'awards', achievement_id, awarded FROM achievement_counts WHERE awarded <> 0
        EXCEPT SELECT 'awards', achievement_id, count(*) FROM achievement_awards GROUP BY achievement_id, guild_id
    )
    UNION ALL (
        SELECT 'all', subject, sum(total) FROM installation_counts GROUP BY subject
        EXCEPT (
            SELECT 'all', 0, coalesce(sum(members), 0) FROM member_counts
            UNION ALL SELECT 'all', achievement_id, sum(awarded) FROM achievement_counts GROUP BY achievement_id
        )
    )
    UNION ALL SELECT 'rows', subject, count(*) FROM installation_counts GROUP BY subject HAVING count(*) > 64
"""


@pytest.fixture
async def deadlocks(database_name: str, owner: PlainConnection) -> AsyncIterator[Callable[[], Awaitable[int]]]:
    """How many there were in this database, as soon as those who were in them have gone. Sessions that begin now look
    for one after 10 ms, before anybody is tired of waiting."""
    superuser = await asyncpg.connect(url("postgres", database_name))
    await superuser.execute(f"ALTER DATABASE {database_name} SET deadlock_timeout = '10ms'")
    count = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    before = await superuser.fetchval(count)

    async def since() -> int:
        await superuser.execute("SELECT pg_stat_clear_snapshot()")
        found: int = await superuser.fetchval(count) - before
        return found

    yield since
    await superuser.execute(f"ALTER DATABASE {database_name} RESET deadlock_timeout")
    await superuser.close()


async def act(client: httpx2.AsyncClient, dice: random.Random, name: str) -> tuple[str, int]:
    """Something that makes members or removes them; what it was, and the answer's status."""
    guild, user = dice.choice(GUILDS), dice.choice(USERS)
    what = dice.choice(
        ("leave", "leave", "leave", "record", "record", "record", "xp", "erase", "hide", "award", "import")
    )
    match what:
        case "record":
            users = dice.sample(USERS, 5)
            events = [message(f"{name}-{number}", user=each) for number, each in enumerate(users)]
            answer = await client.post(f"/v1/guilds/{guild}/activity", json={"events": events})
        case "xp":
            answer = await client.post(f"{member(user, guild)}/xp", json={"amount": 7})
        case "award":
            answer = await client.put(f"{member(user, guild)}/achievements/by-hand", json={})
        case "hide":
            visibility = dice.choice(("hidden", "public"))
            answer = await client.put(f"/v1/users/{user}/privacy", json={"visibility": visibility})
        case "leave":
            answer = await client.delete(member(user, guild))
        case "erase":
            answer = await client.delete(f"/v1/users/{user}")
        case _:
            rows = "".join(f"{each},9\n" for each in dice.sample(USERS, 8))
            answer = await client.post(
                f"/v1/guilds/{guild}/imports?source=csv",
                content=f"user_id,xp\n{rows}",
                headers={"Content-Type": "text/csv"},
            )
    return what, answer.status_code


async def test_makers_and_removers(
    bot: httpx2.AsyncClient,
    clients: Clients,
    settings: Settings,
    owner: PlainConnection,
    deadlocks: Callable[[], Awaitable[int]],
) -> None:
    """What waits too long on a busy machine is 503; what waits in a circle is counted by PostgreSQL."""
    for guild in GUILDS:
        await leveling(bot, guild, on_leave="reset", cooldown_seconds=0)
    drafts = [draft(f"first-{number}", gte=1) for number in range(3)]
    await define(bot, *drafts, draft("by-hand", gte=10**6), at=OF_ALL)
    key = await clients.key()
    statuses: Counter[tuple[str, int]] = Counter()

    async with another_process(settings) as address:

        async def live(seed: int) -> None:
            dice = random.Random(seed)  # noqa: S311 # an order, no secret
            headers = {"Authorization": f"Bearer {key}"}
            async with httpx2.AsyncClient(base_url=address, headers=headers, timeout=60, verify=NO_TLS) as client:
                for turn in range(PEOPLE_LOCK):
                    statuses[await act(client, dice, f"{seed}-{turn}")] += 1

        await asyncio.gather(*(live(seed) for seed in range(CLIENTS)))

    assert await deadlocks() == 0, statuses
    assert {status for _, status in statuses} <= {200, 201, 202, 204, 404, 409, 503}, statuses
    assert statuses["leave", 204] > 10, statuses
    await assert_counters(owner)
    assert await owner.fetch(_MISCOUNTED) == []
