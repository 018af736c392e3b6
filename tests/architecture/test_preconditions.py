"""Conditional requests (RFC 9110, 13.1) for every operation that accepts them."""

import httpx2

from tests.architecture.described import Json
from tests.architecture.world import World
from tests.support.people import HARBOUR, NOBODYS

ABOUT_OTHERS = ('"x"', ',"x"', '"x",,"y"', '"x" ,', 'W/"x", ,"y",')
NO_LISTS = ("x", ",", '"x" "y"', '"x",*')


def takes(world: World, operation: Json, header: str) -> bool:
    return any(world.description.resolved(each)["name"] == header for each in operation["parameters"])


async def test_a_change_is_refused_where_if_none_match_names_what_is_there(world: World) -> None:
    asked = 0
    for path, method, operation in world.description.operations():
        if method == "GET" or not takes(world, operation, "If-None-Match"):
            continue
        asked += 1
        await world.restore()
        read = await world.bot.get(path.format(**world.parts(path)))
        named = [f"W/{read.headers['etag']}"] if "etag" in read.headers else []
        for header in ("*", *named):
            refused = await world.bot.send(world.request(path, method, operation, headers={"If-None-Match": header}))
            assert refused.status_code == 412, f"{method} {path} {header}: {refused.status_code} {refused.text}"
            assert list(world.description.faults(operation, refused)) == [], f"{method} {path}"
        for header in NO_LISTS:
            refused = await world.bot.send(world.request(path, method, operation, headers={"If-None-Match": header}))
            assert refused.status_code == 400, f"{method} {path} {header}"
        done = await world.bot.send(world.request(path, method, operation, headers={"If-None-Match": ABOUT_OTHERS[-1]}))
        assert done.is_success, f"{method} {path}: {done.text}"
    assert asked > 10


async def test_whoever_takes_one_precondition_takes_both(world: World) -> None:
    for path, method, operation in world.description.operations():
        if method != "GET":
            both = {takes(world, operation, header) for header in ("If-Match", "If-None-Match")}
            assert both == {"412" in operation["responses"]}, f"{method} {path}"


async def test_a_read_skips_empty_members_of_a_list(world: World) -> None:
    await world.restore()
    for path, method, operation in world.description.operations():
        if method != "GET" or not takes(world, operation, "If-None-Match"):
            continue
        request = world.request(path, method, operation)
        tag = (await world.bot.send(request)).headers["etag"]
        answers = [("*", 304), (f",{tag}", 304), (f'"x",, {tag},', 304)]
        answers += [(header, 200) for header in ABOUT_OTHERS] + [(header, 400) for header in NO_LISTS]
        for header, status in answers:
            answer = await world.bot.send(world.request(path, method, operation, headers={"If-None-Match": header}))
            assert answer.status_code == status, f"{path} {header}"


async def test_what_is_not_there_yet_is_made(bot: httpx2.AsyncClient) -> None:
    unless_there = {"If-None-Match": "*"}
    module = {"schema": {"type": "object", "properties": {"a": {"type": "integer", "default": 1}}}}
    for path, body in ((f"/v1/guilds/{NOBODYS}", {"name": "New"}), ("/v1/modules/new", module)):
        assert [(await bot.put(path, json=body, headers=unless_there)).status_code for _ in range(2)] == [201, 412]
        assert (await bot.put(path, json=body)).status_code == 200


async def test_a_deleted_guild_is_not_there(bot: httpx2.AsyncClient) -> None:
    path = f"/v1/guilds/{HARBOUR}"
    assert (await bot.delete(path)).status_code == 204
    assert (await bot.put(path, json={"name": "Back"}, headers={"If-None-Match": "*"})).status_code == 200


async def test_several_lines_are_one_list(bot: httpx2.AsyncClient) -> None:
    path = f"/v1/guilds/{HARBOUR}"
    tag = (await bot.get(path)).headers["etag"]
    lines = [("If-None-Match", '"x"'), ("If-None-Match", tag)]
    assert (await bot.get(path, headers=lines)).status_code == 304
    assert (await bot.patch(path, json={"icon": "a"}, headers=lines)).status_code == 412
    matching = [("If-Match", '"x"'), ("If-Match", tag)]
    assert (await bot.patch(path, json={"icon": "a"}, headers=matching)).status_code == 200
