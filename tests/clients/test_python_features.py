"""The Python client's achievements, imports, webhooks and pictures, against the application itself."""

import hashlib
import hmac
from pathlib import Path

import httpx2
import pytest

from guildhall_client import (
    BadSignature,
    Batcher,
    FileSpool,
    Guildhall,
    GuildNotFound,
    NamesPut,
    Problem,
    verify_delivery,
)
from tests.cards.pictures import image
from tests.clients.transports import FaultyTransport
from tests.support.people import ADA, BO, HARBOUR, NOBODYS


async def test_a_missing_guild_is_no_missing_member(guildhall: Guildhall) -> None:
    assert await guildhall.member(HARBOUR, BO) is None
    with pytest.raises(GuildNotFound, match="There is no guild"):
        await guildhall.member(NOBODYS, BO)
    with pytest.raises(GuildNotFound):
        await guildhall.cards.member(NOBODYS, BO)


async def test_names(guildhall: Guildhall) -> None:
    assert (await guildhall.rename(HARBOUR, ADA, display_name="Ada L.")).display_name == "Ada L."
    items = [{"user_id": str(ADA), "username": "ada"}, {"user_id": str(BO), "username": "bo"}]
    assert await guildhall.put_names(HARBOUR, items) == NamesPut(updated=1, unchanged=0, unknown=1)
    assert [each.username for each in (await guildhall.members(HARBOUR, search="ada")).items] == ["ada"]


async def test_achievements(guildhall: Guildhall) -> None:
    achievements, condition = guildhall.achievements, {"stat": "messages", "gte": 10}
    assert "starter" in [pack.name for pack in await achievements.packs()]
    made = await achievements.create(HARBOUR, "talker", "Talker", condition, rewards={"xp": 300})
    assert (made.awarded_count, made.rewards.xp) == (0, 300)
    assert (await achievements.simulate(HARBOUR, condition)).eligible == 0
    assert (await achievements.patch(HARBOUR, "talker", name="Chatterbox")).name == "Chatterbox"
    await guildhall.adjust_xp(HARBOUR, ADA, 1)
    awarded = await achievements.award(HARBOUR, ADA, "talker", reason="by hand")
    assert awarded.level_up is not None
    assert awarded.level_up.to_level == 2
    (one,) = await achievements.of_member(HARBOUR, ADA)
    assert (one.achievement, one.progress, one.leaves[0].gte) == ("talker", 0, 10)
    await achievements.revoke(HARBOUR, ADA, "talker", keep_rewards=True)
    await achievements.delete(HARBOUR, "talker")
    assert (await achievements.list(HARBOUR)).items == []
    assert (await achievements.restore(HARBOUR, "talker")).deleted_at is None
    assert (await achievements.create(None, "everywhere", "Everywhere", condition)).guild_id is None
    assert (await achievements.get(None, "everywhere")).key == "everywhere"


async def test_imports(guildhall: Guildhall, tmp_path: Path) -> None:
    file = tmp_path / "standings.csv"
    file.write_text(f"user_id,xp\n{ADA},4675\n")
    preview = await guildhall.imports.begin(HARBOUR, file.read_text(), "csv", dry_run=True)
    preview = await guildhall.imports.finished(preview.id, every=0.02)
    assert [(each.xp_after, each.level_after) for each in preview.preview] == [(4675, 10)]
    begun = await guildhall.imports.begin(HARBOUR, file, "csv", mode="max", reason="moving")
    assert (await guildhall.imports.finished(begun.id, every=0.02)).counts.imported == 1
    assert [each.id for each in (await guildhall.imports.list(HARBOUR)).items] == [begun.id, preview.id]
    assert str(ADA).encode() in b"".join([piece async for piece in guildhall.imports.export(HARBOUR)])


async def test_webhooks(guildhall: Guildhall) -> None:
    webhooks = guildhall.webhooks
    made = await webhooks.create(HARBOUR, "https://bot.example/guildhall", ["member.level_up"])
    assert made.secret is not None
    assert (await webhooks.patch(HARBOUR, made.id, enabled=False)).enabled is False
    assert (await webhooks.get(HARBOUR, made.id)).secret is None
    assert (await webhooks.deliveries(HARBOUR, made.id)).items == []
    await webhooks.delete(HARBOUR, made.id)
    assert (await webhooks.list(HARBOUR)).items == []


def test_a_delivery_is_verified() -> None:
    body, now = b'{"id":"1","event":"member.level_up","data":{"to_level":5}}', 1_800_000_000
    v1 = hmac.new(b"secret", b"1800000000." + body, hashlib.sha256).hexdigest()
    signature = f"t={now},v1={v1}"
    assert verify_delivery("secret", signature, body, now=now + 300).data == {"to_level": 5}
    for wrong in (("another", signature, body), ("secret", signature, body + b" "), ("secret", f"t={now}", body)):
        with pytest.raises(BadSignature, match="does not fit"):
            verify_delivery(*wrong, now=now)
    with pytest.raises(BadSignature, match="too old"):
        verify_delivery("secret", signature, body, now=now + 301)
    for unreadable in (None, "", "t=x,v1=0"):
        with pytest.raises(BadSignature, match="readable"):
            verify_delivery("secret", unreadable, body)


async def test_pictures(guildhall: Guildhall) -> None:
    await guildhall.adjust_xp(HARBOUR, ADA, 300)
    assert image(await guildhall.cards.leaderboard(HARBOUR, period="week", limit=3)).format == "PNG"
    assert image(await guildhall.cards.activity(HARBOUR, ADA, format="webp", bucket="day")).format == "WEBP"
    assert httpx2.URL((await guildhall.cards.link(HARBOUR, ADA)).url).path.endswith("/card.png")
    with pytest.raises(Problem, match="409"):
        await guildhall.cards.choose(HARBOUR, ADA, "#57f287")


async def test_events_outlive_the_process(guildhall: Guildhall, transport: FaultyTransport, tmp_path: Path) -> None:
    guildhall.requests.patience, transport.faults = 0.0, ["away"] * 1000
    spool = tmp_path / "spool"
    async with Batcher(guildhall, every=0.01, most=3, spool=FileSpool(spool)) as batcher:
        for number in range(4):
            batcher.add(HARBOUR, "message", ADA, id=number)
        assert await batcher.close(timeout=0.05) == 3
    spool.write_bytes(spool.read_bytes() + b'["add","1",{"id":"cut')
    guildhall.requests.patience, transport.faults = 5.0, []
    async with Batcher(guildhall, every=30, spool=FileSpool(spool)) as batcher:
        assert len(batcher) == 3
        batcher.add(HARBOUR, "message", ADA, id=3)
        await batcher.flush()
        assert spool.read_bytes() == b""
    member = await guildhall.member(HARBOUR, ADA)
    assert member is not None
    assert member.stats.messages == 3, "the oldest was dropped, and what was sent twice counts once"
