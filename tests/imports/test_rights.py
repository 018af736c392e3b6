"""Imports are no side door: a line needs what its own route needs, whoever asks.

Each caller of the authorization matrix sends one file that has every kind of line, and asks each line's own route;
what the route lets through the import takes, and what it refuses the import refuses by row."""

from collections.abc import Callable, Mapping
from datetime import timedelta

import httpx2
import msgspec

from api.auth.scopes import Scope
from api.imports.lines import Line
from api.lib.clock import Clock
from api.postgres.engine import PlainConnection
from tests.architecture.callers import DELETED, READER_ROLE, WRITER_ROLE, make_callers
from tests.imports.files import Json, ended, imported, lines, send
from tests.support.browsers import Browsers
from tests.support.clients import Clients
from tests.support.clock import MovableClock
from tests.support.discord import Discord
from tests.support.people import ADA, HARBOUR, NOBODYS

ADDRESS = f"/v1/guilds/{HARBOUR}"
IMPORTS = f"POST {ADDRESS}/imports"
THERE = 700_000  # from here on, those whom callers bring in
THERE_WITH_STAT = THERE + 5000
DAY = (Clock().now() - timedelta(days=3)).date()
CONDITION = {"stat": "messages", "gte": 1_000_000}


class Kind(msgspec.Struct):
    """A line: what it says for caller number n, the route that does the same, the scope that both need, and a
    statement that tells whether it was taken."""

    line: Callable[[int], Json]
    route: str
    scope: Scope
    taken: str
    place: str


def _of(user: int) -> Json:
    return {"user_id": str(THERE + user)}


MEMBER = "FROM members WHERE guild_id = $1 AND user_id = 700000 + $2::int"

KINDS: Mapping[str, Kind] = {
    "guild": Kind(
        lambda n: {"name": f"Name {n}"}, f"PATCH {ADDRESS}", Scope.GUILDS_WRITE,
        "SELECT name = 'Name ' || $2::int FROM guilds WHERE id = $1", "/guild",
    ),
    "roles": Kind(
        lambda n: {"items": [{"id": str(1000 + n), "name": "Role", "position": 1, "color": 0}]},
        f"PUT {ADDRESS}/roles", Scope.GUILDS_WRITE,
        "SELECT EXISTS (SELECT FROM guild_roles WHERE guild_id = $1 AND role_id = 1000 + $2::int)", "/roles",
    ),
    "channels": Kind(
        lambda n: {"items": [{"id": str(1000 + n), "name": "Channel", "type": 0}]},
        f"PUT {ADDRESS}/channels", Scope.GUILDS_WRITE,
        "SELECT EXISTS (SELECT FROM guild_channels WHERE guild_id = $1 AND channel_id = 1000 + $2::int)", "/channels",
    ),
    "settings": Kind(
        lambda n: {"module": "leveling", "overrides": {"max_level": 100 + n}},
        f"PUT {ADDRESS}/settings/leveling", Scope.SETTINGS_WRITE,
        "SELECT overrides ->> 'max_level' = (100 + $2::int)::text FROM guild_settings"
        " WHERE guild_id = $1 AND module = 'leveling'", "/settings",
    ),
    "settings of a bot's module": Kind(
        lambda n: {"module": "welcome", "overrides": {"text": f"Hello {n}"}},
        f"PUT {ADDRESS}/settings/welcome", Scope.SETTINGS_WRITE,
        "SELECT overrides ->> 'text' = 'Hello ' || $2::int FROM guild_settings"
        " WHERE guild_id = $1 AND module = 'welcome'", "/settings",
    ),
    "settings of who may come in": Kind(
        lambda n: {"module": "privacy", "overrides": {
            "reader_role_ids": [str(READER_ROLE)], "writer_role_ids": [str(WRITER_ROLE), str(1000 + n)]}},
        f"PUT {ADDRESS}/settings/privacy", Scope.SETTINGS_WRITE,
        "SELECT overrides::text LIKE '%\"' || (1000 + $2::int) || '\"%' FROM guild_settings"
        " WHERE guild_id = $1 AND module = 'privacy'", "/settings",
    ),
    "achievement": Kind(
        lambda n: {"key": f"key-{n}", "name": "One", "condition": CONDITION},
        f"POST {ADDRESS}/achievements", Scope.ACHIEVEMENTS_WRITE,
        "SELECT EXISTS (SELECT FROM achievements WHERE guild_id = $1 AND key = 'key-' || $2::int)", "/achievement",
    ),
    "member": Kind(
        lambda n: {**_of(n), "xp": 5}, f"POST {ADDRESS}/members/{ADA}/xp", Scope.MEMBERS_WRITE,
        f"SELECT EXISTS (SELECT {MEMBER})", "/member",
    ),
    "member who is hidden": Kind(
        lambda n: {**_of(n + 1000), "xp": 5, "is_hidden": True},
        f"PUT /v1/users/{NOBODYS}/privacy", Scope.USERS_ERASE,
        "SELECT EXISTS (SELECT FROM privacy_choices WHERE user_id = 701000 + $2::int AND hidden_at IS NOT NULL)"
        f" AND EXISTS (SELECT {MEMBER} + 1000) AND $1 > 0", "/member/is_hidden",
    ),
    "award": Kind(
        lambda n: {**_of(n), "achievement": "chatterbox", "name": "One", "awarded_at": f"{DAY}T01:00:00Z"},
        f"PUT {ADDRESS}/members/{ADA}/achievements/chatterbox", Scope.ACHIEVEMENTS_WRITE,
        "SELECT EXISTS (SELECT FROM achievement_awards WHERE guild_id = $1 AND user_id = 700000 + $2::int)", "/award",
    ),
    "day": Kind(
        lambda n: {**_of(n), "day": str(DAY), "messages": 3}, IMPORTS, Scope.MEMBERS_WRITE,
        "SELECT EXISTS (SELECT FROM activity_days WHERE guild_id = $1 AND user_id = 700000 + $2::int)", "/day",
    ),
    "hour": Kind(
        lambda n: {**_of(n), "hour": f"{DAY}T01:00:00Z", "messages": 3}, IMPORTS, Scope.MEMBERS_WRITE,
        "SELECT EXISTS (SELECT FROM activity_hours WHERE guild_id = $1 AND user_id = 700000 + $2::int)", "/hour",
    ),
    "stat_day": Kind(
        lambda n: {**_of(THERE_WITH_STAT - THERE), "stat": "duels_won", "day": str(DAY), "value": n + 1},
        IMPORTS, Scope.MEMBERS_WRITE,
        "SELECT EXISTS (SELECT FROM custom_stat_days WHERE guild_id = $1 AND value = $2::int + 1)", "/stat_day",
    ),
    "event_ids": Kind(
        lambda n: {"week": str(DAY), "digests": [f"f{n:031x}"]}, IMPORTS, Scope.MEMBERS_WRITE,
        "SELECT EXISTS (SELECT FROM activity_ids WHERE guild_id = $1"
        " AND id = ('f' || lpad(to_hex($2::int), 31, '0'))::uuid)", "/event_ids",
    ),
}  # fmt: skip

MODULE = {"schema": {"type": "object", "properties": {"text": {"type": "string", "default": ""}}}, "title": "Welcome"}


def test_every_kind_of_line_is_tried() -> None:
    assert {name.partition(" ")[0] for name in KINDS} == set(Line.__struct_fields__)


async def test_every_line_by_every_caller(
    browsers: Browsers,
    clients: Clients,
    discord: Discord,
    bot: httpx2.AsyncClient,
    clock: MovableClock,
    owner: PlainConnection,
) -> None:
    await prepare(bot)
    callers = await make_callers(browsers, clients, discord, clock, owner)
    scopes = {kind.scope for kind in KINDS.values()}
    wrong: list[str] = []
    outcomes: dict[str, tuple[int, int]] = {}
    async with clients.anonymous() as client:
        for n, (name, caller) in enumerate(callers.items()):
            if caller.lacks is not None and caller.lacks not in scopes:
                continue  # that differs in nothing from the key of all
            client.headers = httpx2.Headers(caller.headers | {"X-Audit-Log-Reason": f"file {n}"})
            file = lines({"guildhall": 1}, *({name.partition(" ")[0]: kind.line(n)} for name, kind in KINDS.items()))
            asked = await send(client, "guildhall", file)
            if asked.status_code != 202:
                outcomes[name] = asked.status_code, 0
                if (route := await by_route(client, IMPORTS)) != asked.status_code:
                    wrong.append(f"{name} asks: {asked.status_code}, not {route}")
                continue
            found = await ended(bot, asked.headers["Location"])
            refused = {each["row"]: each for each in found["refused"]}
            outcomes[name] = 202, len(refused)
            for row, (of, kind) in enumerate(KINDS.items(), 1):
                may = await by_route(client, kind.route) not in {401, 403, 404}
                taken = bool(await owner.fetchval(kind.taken, HARBOUR, n))
                if (taken, row not in refused) != (may, may):
                    wrong.append(f"{of} by {name}: may {may}, taken {taken}, told {refused.get(row)}")
                elif not may:
                    fault = refused[row]
                    if f"`{kind.scope}`" not in fault["message"] or not fault["pointer"].startswith(kind.place):
                        wrong.append(f"{of} by {name} does not name {kind.scope}: {fault}")
            if found["counts"]["refused"] != len(refused) or found["status"] != "finished":
                wrong.append(f"{name}: {found}")
    assert not wrong, "\n".join(wrong[:60])
    assert outcomes["key of all"] == (202, 0)
    assert outcomes["own key"] == (202, 1), "a list of guilds hides nobody"
    assert outcomes["writer"] == (202, 5), "guild, roles, channels, who may come in, hiding"
    assert outcomes["Manage Guild"] == (202, 1)
    assert outcomes["reader"] == (403, 0)


async def prepare(bot: httpx2.AsyncClient) -> None:
    """Harbour with roles for people, an achievement, a bot's module, and a member with a stat."""
    await bot.put("/v1/modules/welcome", json=MODULE)
    await bot.put(f"/v1/guilds/{DELETED}", json={"name": "Deleted"})
    await bot.delete(f"/v1/guilds/{DELETED}")
    roles = {"reader_role_ids": [str(READER_ROLE)], "writer_role_ids": [str(WRITER_ROLE)]}
    assert (await bot.put(f"{ADDRESS}/settings/privacy", json=roles)).is_success
    draft = {"key": "chatterbox", "name": "One", "condition": CONDITION}
    assert (await bot.post(f"{ADDRESS}/achievements", json=draft)).is_success
    member = {"user_id": str(THERE_WITH_STAT), "xp": 1, "custom_stats": {"duels_won": 1}}
    await imported(bot, "guildhall", lines({"guildhall": 1}, {"member": member}))


async def by_route(client: httpx2.AsyncClient, route: str) -> int:
    """What a route says to a caller, with a parameter that none takes, so that nothing happens."""
    method, _, path = route.partition(" ")
    return (await client.request(method, f"{path}?no_such_parameter=1")).status_code
