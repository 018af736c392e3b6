"""What the tests of the dashboard share: a guild worth looking at, and people who look at it."""

import gzip
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import httpx2
from playwright.async_api import Locator, Page

from tests.dashboard.windows import Windows
from tests.support.browser import Tab
from tests.support.browsers import Browsers
from tests.support.clock import CLOCK
from tests.support.people import ADA, BO, HARBOUR

_AXE = gzip.decompress((Path(__file__).parents[1] / "support/vendor/axe-core/axe.min.js.gz").read_bytes()).decode()
_FIND = """async () => {
  const found = await axe.run({ runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] });
  return found.violations.map((each) => [each.id, each.nodes.map((node) => node.html.slice(0, 200))]);
}"""

ROLES = {"190320984123768901": "Regulars", "190320984123768902": "<img src=x onerror=alert(1)>"}
CHANNELS = {"41771983423143001": "general", "41771983423143002": "quiet-corner"}
OTHERS = [7_000_000_000_000_000 + n for n in range(40)]


async def fill(bot: httpx2.AsyncClient, guild_id: int) -> None:
    """Roles, channels, a busy week, and two achievements."""
    guild = f"/v1/guilds/{guild_id}"
    roles = [{"id": id_, "name": name, "position": n} for n, (id_, name) in enumerate(ROLES.items())]
    channels = [{"id": id_, "name": name, "position": n} for n, (id_, name) in enumerate(CHANNELS.items())]
    now = CLOCK.now()
    events: list[dict[str, Any]] = [  # Any: JSON
        {
            "id": f"{user}-{n}",
            "type": "message",
            "user_id": str(user),
            "channel_id": next(iter(CHANNELS)),
            "occurred_at": (now - timedelta(hours=9 * n, minutes=place)).isoformat(),
        }
        for place, user in enumerate([BO, ADA, *OTHERS])
        for n in range(16 if user == ADA else 1 + place % 14)
    ]
    events.append(
        {
            "id": "duel",
            "type": "stat",
            "user_id": str(ADA),
            "stat": "duels_won",
            "amount": 3,
            "occurred_at": now.isoformat(),
        }
    )
    for method, path, body in (
        ("PUT", f"{guild}/roles", {"items": roles}),
        ("PUT", f"{guild}/channels", {"items": channels}),
        (
            "POST",
            f"{guild}/achievements",
            {
                "key": "first-words",
                "name": "First words",
                "icon": "💬",
                "description": "Say hello.",
                "condition": {"stat": "messages", "gte": 1},
            },
        ),
        (
            "POST",
            f"{guild}/achievements",
            {
                "key": "devoted",
                "name": "Devoted <b>",
                "condition": {
                    "all": [
                        {"stat": "messages", "gte": 40},
                        {"any": [{"stat": "streak", "gte": 30}, {"stat": "messages", "gte": 20, "within": "7d"}]},
                    ]
                },
                "rewards": {"xp": 500},
            },
        ),
        ("POST", f"{guild}/activity", {"events": events}),
    ):
        answer = await bot.request(method, path, json=body)
        assert answer.is_success, answer.text


class Dashboard:
    """The dashboard, and who looks at it."""

    def __init__(self, windows: Windows, browsers: Browsers) -> None:
        self.base_url = windows.base_url
        self._browsers = browsers
        self._windows = windows

    async def open(
        self,
        fragment: str = "",
        *,
        person: int | None = ADA,
        width: int = 1280,
        color_scheme: Literal["light", "dark"] = "light",
        base_url: str | None = None,
        locale: str = "en-US",
    ) -> Tab:
        """The page at `#/…`, as somebody who has logged in before; None: as nobody. `base_url`: of another server."""
        tab = await self._windows.open(width=width, color_scheme=color_scheme, locale=locale)
        if person is not None:
            await self.log_in(tab, person)
        await tab.page.goto(f"{base_url or self.base_url}/dashboard/{fragment}")
        return tab

    async def log_in(self, tab: Tab, person: int) -> None:
        """Gives the browser the cookies of somebody who has just logged in."""
        client = await self._browsers.log_in(person)
        cookies = dict(client.cookies)
        await client.aclose()
        await tab.page.context.add_cookies(
            [{"name": name, "value": value, "url": self.base_url} for name, value in cookies.items()]
        )

    def assert_clean(self, tab: Tab, *, refused: tuple[int, ...] = ()) -> None:
        """Nothing was asked of others than the server and Discord, and the console complained of nothing but
        answers with a status of `refused`. The overview looks back further than the stream may keep events: 410."""
        own = (f"{self.base_url}/", "http://discord.test/", "https://cdn.discordapp.com/avatars/", "data:")
        foreign = [url for url in tab.requests if not url.startswith(own)]
        assert foreign == [], foreign
        expected = tuple(f"status of {status}" for status in (*refused, 410))
        errors = [error for error in tab.errors if not any(text in error for text in expected)]
        assert errors == [], errors


async def axe_faults(page: Page) -> list[Any]:  # Any: a rule's name and the elements that break it
    """What a checker of accessibility finds in the page as it is now."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_AXE)
    found: list[Any] = await page.evaluate(_FIND)
    return found


def page_of(rest: str) -> str:
    """The fragment of a page of Harbour."""
    return f"#/guilds/{HARBOUR}/{rest}"


def field(page: Page, name: str) -> Locator:
    """A property's part of the form."""
    return page.locator(f'[data-property="{name}"]')


async def save(page: Page) -> None:
    await page.get_by_role("button", name="Save", exact=True).click()
