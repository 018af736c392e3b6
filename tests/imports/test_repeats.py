"""What is added counts once: a member in a file, and a file that failed and is sent again."""

import json

import httpx2
import pytest

from api.postgres.engine import PlainConnection
from tests.imports.files import Json, counts, ended, imported, lines, mee6_page, mee6_player, member, send
from tests.support.clients import Clients
from tests.support.people import ADA, BO, HARBOUR

MANY = [1000 + n for n in range(1200)]  # more than one transaction takes


async def xp(owner: PlainConnection, *users: int) -> list[int]:
    rows = await owner.fetch("SELECT user_id, xp FROM members WHERE guild_id = $1", HARBOUR)
    found = dict(map(tuple, rows))
    return [found.get(user, 0) for user in users]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_a_member_counts_once_in_a_file(bot: httpx2.AsyncClient, *, dry_run: bool) -> None:
    pages = [mee6_page(mee6_player(ADA, 100), mee6_player(BO, 50)), mee6_page(mee6_player(ADA, 101))]
    found = await imported(bot, "mee6", pages, mode="add", dry_run=dry_run)
    assert found["counts"] == counts(3, 2, 1)
    if not dry_run:
        assert [(await member(bot, user))["xp"] for user in (ADA, BO)] == [100, 50]


async def test_a_member_counts_once_however_far_apart(bot: httpx2.AsyncClient, owner: PlainConnection) -> None:
    rows = "".join(f"{user},5\n" for user in MANY)
    found = await imported(bot, "csv", f"user_id,xp\n{rows}{MANY[0]},5\n{MANY[-1]},7\n".encode(), mode="add")
    assert found["counts"] == counts(1202, 1200, 2)
    assert await xp(owner, MANY[0], MANY[-1]) == [5, 5]
    line = {"member": {"user_id": str(MANY[0]), "xp": 10}}
    found = await imported(bot, "guildhall", lines({"guildhall": 1}, line, line), mode="add")
    assert (found["counts"], await xp(owner, MANY[0])) == (counts(2, 1, 1), [15])


def broken(source: str) -> bytes:
    """A file whose end cannot be read."""
    if source == "mee6":
        return json.dumps(mee6_page(*(mee6_player(user, 5) for user in MANY))).encode()[:-1]
    return b"user_id,xp\n" + b"".join(b"%d,5\n" % user for user in MANY) + b'"'


@pytest.mark.parametrize("source", ["mee6", "csv"])
async def test_a_file_that_cannot_be_read_to_its_end_changes_nothing(
    bot: httpx2.AsyncClient, owner: PlainConnection, source: str
) -> None:
    found = await imported(bot, source, broken(source), mode="add")
    assert (found["status"], found["counts"]) == ("failed", counts(0, 0))
    assert await owner.fetchval("SELECT count(*) FROM members") == 0


async def test_a_file_that_failed_on_its_way_may_be_sent_again(
    bot: httpx2.AsyncClient, clients: Clients, owner: PlainConnection
) -> None:
    """Its key ends after the first batch of rows, of which one is a member who comes again later."""
    file = b"user_id,xp\n" + b"".join(b"%d,5\n" % user for user in (*MANY, MANY[0]))
    await imported(bot, "csv", b"user_id,xp\n%d,1\n" % MANY[0])
    first = await clients.key(name="short-lived")
    async with clients.bearer(first) as client:
        await owner.execute(ENDS_WITH_THE_FIRST_ROWS)
        try:
            asked = await send(client, "csv", file, mode="add")
            failed = await ended(bot, asked.headers["Location"])
        finally:
            await owner.execute("DROP TRIGGER ends_key ON imports; DROP FUNCTION ends_key()")
    done = failed["counts"]["imported"]
    assert failed["status"] == "failed"
    assert 0 < done < len(MANY)

    found: Json = await imported(bot, "csv", file, mode="add")
    assert (found["status"], found["counts"]) == ("finished", counts(1201, 1200 - done, done + 1))
    assert await xp(owner, MANY[0], MANY[1], MANY[-1]) == [6, 5, 5]
    again = await imported(bot, "csv", file, mode="add")
    assert again["counts"] == counts(1201, 1200, 1), "what did not fail is added as often as one says"


ENDS_WITH_THE_FIRST_ROWS = """
    CREATE FUNCTION ends_key() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        UPDATE api_keys SET revoked_at = now() WHERE name = 'short-lived';
        RETURN NULL;
    END $$;
    CREATE TRIGGER ends_key AFTER UPDATE OF position ON imports FOR EACH ROW
        WHEN (NEW.position > 0) EXECUTE FUNCTION ends_key()
"""
