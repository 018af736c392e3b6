"""Entity tags of guilds, roles and channels; MessagePack beside JSON."""

import asyncio

import httpx2
import msgspec
import pytest

from tests.support.people import HARBOUR, NOBODYS

PATH = f"/v1/guilds/{HARBOUR}"
PACKED = {"Accept": "application/vnd.msgpack"}
BAD = ["abc", '"a', 'a"', "W/", '"a" "b"', "*, *", '"a",,x', ",", ", ,", "", " ", '"a"b', "w/'a'"]
PUTS = [
    (PATH, {"name": "Port"}),
    (f"{PATH}/roles", {"items": [{"id": "1", "name": "a"}]}),
    (f"{PATH}/channels", {"items": [{"id": "1", "name": "a"}]}),
]
puts = pytest.mark.parametrize(("path", "body"), PUTS)


@puts
async def test_if_none_match(bot: httpx2.AsyncClient, path: str, body: dict[str, object]) -> None:
    tag = (await bot.get(path)).headers["etag"]
    assert tag.startswith('"')
    for header in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        response = await bot.get(path, headers={"If-None-Match": header})
        assert (response.status_code, response.content) == (304, b""), header
        assert response.headers["etag"] == tag
        assert "content-length" not in response.headers
        head = await bot.head(path, headers={"If-None-Match": header})
        assert head.status_code == 304
    assert (await bot.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    for header in BAD:
        assert (await bot.get(path, headers={"If-None-Match": header})).status_code == 400, header
    await bot.put(path, json=body)
    assert (await bot.get(path, headers={"If-None-Match": tag})).status_code == 200


@puts
async def test_if_match(bot: httpx2.AsyncClient, path: str, body: dict[str, object]) -> None:
    tag = (await bot.get(path)).headers["etag"]
    for header in BAD:
        assert (await bot.put(path, json=body, headers={"If-Match": header})).status_code == 400, header
    for header in ('"other"', f"W/{tag}", '""', f'"a", W/{tag}'):
        response = await bot.put(path, json=body, headers={"If-Match": header})
        assert response.status_code == 412, header
        assert response.json()["type"] == "urn:guildhall:problem:precondition-failed"
    assert (await bot.get(path)).headers["etag"] == tag
    changed = await bot.put(path, json=body, headers={"If-Match": f'"other", {tag}'})
    assert changed.status_code == 200
    assert changed.headers["etag"] == (await bot.get(path)).headers["etag"] != tag
    assert (await bot.put(path, json=body, headers={"If-Match": tag})).status_code == 412
    assert (await bot.put(path, json=body, headers={"If-Match": "*"})).status_code == 200


@puts
async def test_messagepack(bot: httpx2.AsyncClient, path: str, body: dict[str, object]) -> None:
    plain = await bot.put(path, json=body)
    packed = await bot.get(path, headers=PACKED)
    assert packed.headers["content-type"] == "application/vnd.msgpack"
    assert msgspec.msgpack.decode(packed.content) == plain.json()
    assert packed.headers["etag"] != plain.headers["etag"]
    assert "accept" in packed.headers["vary"].lower()
    for mine, other in ((packed, plain), (plain, packed)):
        accept = PACKED if mine is packed else {}
        assert (await bot.get(path, headers={"If-None-Match": mine.headers["etag"], **accept})).status_code == 304
        again = await bot.get(path, headers={"If-None-Match": other.headers["etag"], **accept})
        assert (again.status_code, again.content) == (200, mine.content)
    assert (await bot.put(path, json=body, headers={"If-Match": packed.headers["etag"]})).status_code == 200


async def test_messagepack_of_a_list(bot: httpx2.AsyncClient) -> None:
    plain, packed = await bot.get("/v1/guilds?limit=1"), await bot.get("/v1/guilds?limit=1", headers=PACKED)
    assert msgspec.msgpack.decode(packed.content)["items"] == plain.json()["items"]


async def test_if_match_of_what_is_not_there(bot: httpx2.AsyncClient) -> None:
    path = f"/v1/guilds/{NOBODYS}"
    assert (await bot.put(path, json={"name": "x"}, headers={"If-Match": "*"})).status_code == 412
    assert (await bot.patch(path, json={}, headers={"If-Match": "*"})).status_code == 404
    assert (await bot.delete(path, headers={"If-Match": "*"})).status_code == 404
    assert (await bot.get(path)).status_code == 404


async def test_patch_and_delete_by_tag(bot: httpx2.AsyncClient) -> None:
    tag = (await bot.get(PATH)).headers["etag"]
    changed = await bot.patch(PATH, json={"icon": "n"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert (await bot.patch(PATH, json={"icon": "m"}, headers={"If-Match": tag})).status_code == 412
    assert (await bot.delete(PATH, headers={"If-Match": tag})).status_code == 412
    assert (await bot.delete(PATH, headers={"If-Match": "x"})).status_code == 400
    assert (await bot.delete(PATH, headers={"If-Match": changed.headers["etag"]})).status_code == 204


@puts
async def test_one_of_twenty_with_the_same_tag(bot: httpx2.AsyncClient, path: str, body: dict[str, object]) -> None:
    tag = (await bot.get(path)).headers["etag"]

    def numbered(n: int) -> dict[str, object]:
        return {"name": str(n)} if "name" in body else {"items": [{"id": "1", "name": str(n)}]}

    responses = await asyncio.gather(*(bot.put(path, json=numbered(n), headers={"If-Match": tag}) for n in range(20)))
    assert sorted(response.status_code for response in responses) == [200] + [412] * 19
