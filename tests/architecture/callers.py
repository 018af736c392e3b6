"""All callers: keys and sessions of every kind, valid and invalid."""

import msgspec

from api.auth.scopes import ALL, Scope
from api.postgres.engine import PlainConnection
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.discord import MANAGE_GUILD, Discord, Member
from tests.support.people import ADA, BO, HARBOUR, MALLORY, NOBODYS, QUARRY

DELETED = 42
READER_ROLE, WRITER_ROLE = 700, 800
CARA, DAN, EVE, FRANK = 601, 602, 603, 604

# The kinds of guild. The first three exist at Discord, and the managers of Harbour manage them all.
PLACES = {"own": HARBOUR, "another's": QUARRY, "absent": NOBODYS, "deleted": DELETED}
IS_THERE = {HARBOUR, QUARRY}


class Caller(msgspec.Struct):
    """A credential. `levels`: its level in each guild, 3 at most, 9 for a key without a list of guilds. `refused`: the
    status that it gets everywhere."""

    headers: dict[str, str]
    levels: dict[int, int] = {}
    is_key: bool = False
    has_list: bool = False
    lacks: Scope | None = None
    refused: int | None = None
    has_csrf: bool = True
    user_id: int | None = None


async def make_callers(
    browsers: Browsers, clients: Clients, discord: Discord, clock: MovableClock, owner: PlainConnection
) -> dict[str, Caller]:
    """All callers, each in its final state: some have expired, some have lost rights."""
    managers = {CARA: "cara", DAN: "dan", EVE: "eve", FRANK: "frank"}
    discord.people |= managers
    for guild_id in (HARBOUR, NOBODYS, DELETED):
        people = discord.members.setdefault(guild_id, {})
        people |= {ADA: Member(permissions=MANAGE_GUILD), CARA: Member(permissions=MANAGE_GUILD), BO: Member()}
    discord.members[HARBOUR] |= {DAN: Member(roles=[READER_ROLE]), EVE: Member(roles=[WRITER_ROLE])}
    discord.members[HARBOUR][FRANK] = Member(permissions=MANAGE_GUILD)

    async def session(user_id: int, name: str) -> dict[str, str]:
        browser = await browsers.log_in(user_id)
        assert browser.headers["X-CSRF-Token"], name
        return {
            "Cookie": f"guildhall-session={browser.cookies['guildhall-session']}",
            "X-CSRF-Token": browser.headers["X-CSRF-Token"],
        }

    def bearer(secret: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {secret}"}

    expired = await session(FRANK, "expired")
    await owner.execute(
        "UPDATE sessions SET created_at = now() - interval '15 days', expires_at = now() - interval '1 s'"
    )
    ended = await session(FRANK, "ended")
    await owner.execute("UPDATE sessions SET ended_at = now()")
    revoked, old = await clients.key(name="revoked"), await clients.key(name="old")
    await owner.execute("UPDATE api_keys SET revoked_at = now() WHERE name = 'revoked'")
    await owner.execute("UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE name = 'old'")
    own = await clients.key(guilds=[HARBOUR, NOBODYS, DELETED])
    manages = dict.fromkeys((HARBOUR, NOBODYS, DELETED), 3)
    callers = {
        "none": Caller({}, refused=401),
        "malformed": Caller(bearer("gh_nonsense"), refused=401),
        "no bearer": Caller({"Authorization": "Basic YTpi"}, refused=401),
        "no session": Caller({"Cookie": f"guildhall-session={'A' * 43}"}, refused=401),
        "revoked key": Caller(bearer(revoked), refused=401),
        "expired key": Caller(bearer(old), refused=401),
        "expired session": Caller(expired, refused=401),
        "ended session": Caller(ended, refused=401),
        "key of all": Caller(bearer(await clients.key()), is_key=True),
        "own key": Caller(bearer(own), dict.fromkeys((HARBOUR, NOBODYS, DELETED), 9), is_key=True, has_list=True),
        "own key and a cookie": Caller(
            bearer(own) | await session(MALLORY, "both"),
            dict.fromkeys((HARBOUR, NOBODYS, DELETED), 9),
            is_key=True,
            has_list=True,
        ),
        "another guild's key": Caller(
            bearer(await clients.key(guilds=[QUARRY])), {QUARRY: 9}, is_key=True, has_list=True
        ),
        "member without permission": Caller(await session(BO, "member"), user_id=BO),
        "reader": Caller(await session(DAN, "reader"), {HARBOUR: 1}, user_id=DAN),
        "writer": Caller(await session(EVE, "writer"), {HARBOUR: 2}, user_id=EVE),
        "Manage Guild": Caller(await session(ADA, "manager"), manages, user_id=ADA),
        "Manage Guild elsewhere": Caller(await session(MALLORY, "elsewhere"), {QUARRY: 3}, user_id=MALLORY),
        "lost permission": Caller(lost := await session(CARA, "lost"), user_id=CARA),
    }
    no_csrf = {name: value for name, value in callers["Manage Guild"].headers.items() if name != "X-CSRF-Token"}
    callers["cookie without CSRF"] = Caller(no_csrf, manages, has_csrf=False, user_id=ADA)
    async with clients.anonymous() as client:
        assert (await client.get(f"/v1/guilds/{HARBOUR}", headers=lost)).status_code == 200
    for guild_id in (HARBOUR, NOBODYS, DELETED):
        discord.members[guild_id][CARA] = Member()
    clock.move(seconds=301)
    for scope in sorted(Scope):
        callers[f"all but {scope}"] = Caller(bearer(await clients.key(scopes=ALL - {scope})), is_key=True, lacks=scope)
    return callers
