"""What `make demo` shows of communities that are there."""

from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
from litestar import Litestar

from examples.demo import picture, show_earned
from tests.achievements.support import define, draft
from tests.cards.pictures import distance, image, opened
from tests.members.people import member
from tests.support.people import ADA, BO, HARBOUR, MALLORY, QUARRY
from tests.support.wiring import services_of


async def _write(bot: httpx2.AsyncClient, guild_id: int, *people: int) -> None:
    common = {"type": "message", "channel_id": "5", "occurred_at": datetime.now(UTC).isoformat()}
    events = [{**common, "id": f"m{user_id}", "user_id": str(user_id)} for user_id in people]
    answer = await bot.post(f"/v1/guilds/{guild_id}/activity", json={"events": events})
    assert answer.is_success, answer.text


def _files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_it_shows_the_busiest_community(bot: httpx2.AsyncClient, litestar_app: Litestar, tmp_path: Path) -> None:
    await _write(bot, HARBOUR, ADA, BO)
    await _write(bot, QUARRY, MALLORY)
    said = await picture(services_of(litestar_app), [QUARRY, HARBOUR], tmp_path / "demo")
    file = tmp_path / "demo" / "leaderboard.png"
    assert said.endswith(f": {file}")
    shown = image(file.read_bytes())
    assert distance(shown, opened(await bot.get(f"/v1/guilds/{HARBOUR}/leaderboard.png"))) < 1


async def test_without_pictures_it_says_why(
    bot: httpx2.AsyncClient, litestar_app: Litestar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _write(bot, HARBOUR, ADA)
    monkeypatch.setattr(services_of(litestar_app).renderer, "is_installed", False)
    said = await picture(services_of(litestar_app), [HARBOUR], tmp_path)
    assert "the extra `cards`" in said
    assert _files(tmp_path) == []


async def test_without_messages_there_is_none(litestar_app: Litestar, tmp_path: Path) -> None:
    assert "No picture" in await picture(services_of(litestar_app), [HARBOUR], tmp_path)


async def test_it_shows_who_earned_what(
    bot: httpx2.AsyncClient, litestar_app: Litestar, capsys: pytest.CaptureFixture[str]
) -> None:
    await define(bot, draft("first", gte=1, icon="👋"))
    await _write(bot, HARBOUR, ADA)
    assert (await bot.patch(member(ADA), json={"display_name": "Ada"})).is_success
    capsys.readouterr()
    await show_earned(services_of(litestar_app).database, {HARBOUR: "Harbour"})
    assert "100.0%  👋 First: Ada (Harbour)\n" in capsys.readouterr().out
