"""A person who is logged in: their own data is theirs, and nobody else's."""

import httpx2

from api.postgres.engine import PlainConnection
from tests.activity.test_record import message, record
from tests.members.people import give
from tests.privacy.people import USER, erase, found
from tests.support.browsers import Browsers
from tests.support.people import ADA, BO, QUARRY


async def test_they_read_choose_and_erase(bot: httpx2.AsyncClient, browsers: Browsers, owner: PlainConnection) -> None:
    await record(bot, message("1"))
    await give(bot, ADA, 700, QUARRY)
    ada = await browsers.log_in(ADA)
    export = (await ada.get(f"{USER}/export")).json()["stored"]
    assert [row["xp"] for row in export["members"]][1:] == [700], "also of guilds that they do not manage"
    assert export["sessions"][0]["username"] == "ada"
    hidden = await ada.put(f"{USER}/privacy", json={"visibility": "hidden"})
    assert (hidden.status_code, (await ada.get(f"{USER}/privacy")).json()["visibility"]) == (200, "hidden")
    await ada.put(f"{USER}/privacy", json={"visibility": "public"})
    assert await owner.fetchval("SELECT actor_kind FROM audit_log WHERE action = 'user.privacy_changed'") == "user"
    receipt = await erase(ada, "?opt_out=true")
    assert receipt["guilds"] == 2
    assert await found(owner) == {"privacy_choices": 1}
    assert (await ada.get(f"{USER}/privacy")).status_code == 401, "their session has ended"


async def test_nobody_elses(bot: httpx2.AsyncClient, browsers: Browsers) -> None:
    await record(bot, message("1", user=BO))
    ada = await browsers.log_in(ADA)
    theirs = f"/v1/users/{BO}"
    for method, path in (("GET", "/export"), ("GET", "/privacy"), ("PUT", "/privacy"), ("DELETE", "")):
        body = {"opt_out": True} if method == "PUT" else None
        assert (await ada.request(method, theirs + path, json=body)).status_code == 404, method
