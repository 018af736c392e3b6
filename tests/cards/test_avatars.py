"""Pictures of people: from Discord's CDN alone, bounded, remembered; else initials."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from api.cards.avatars import FAILED_SECONDS, Avatars
from api.cards.cdn import LARGEST, Cdn
from api.cards.names import Person
from api.cards.renderer import Renderer
from api.webhooks.resolving import Resolver
from tests.cards.pictures import png
from tests.support.people import ADA, HARBOUR

HASH = "0123456789abcdef" * 2
PERSON = Person(ADA, "ada", "Ada", HASH)


class Answers:
    """What the CDN answers, and what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer = httpx2.Response(200, content=png())

    async def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(str(request.url))
        return self.answer


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture(scope="module")
async def renderer() -> AsyncIterator[Renderer]:
    made = Renderer(None)
    yield made
    await made.close()


@pytest.fixture
async def cdn(answers: Answers) -> AsyncIterator[Cdn]:
    made = Cdn(Resolver(), httpx2.MockTransport(answers))
    yield made
    await made.close()


@pytest.fixture
def now() -> list[float]:
    return [1000.0]


@pytest.fixture
def avatars(renderer: Renderer, cdn: Cdn, now: list[float]) -> Avatars:
    return Avatars(renderer, cdn.fetch, lambda: now[0])


async def test_a_picture_is_asked_for_once(avatars: Avatars, answers: Answers) -> None:
    found = await avatars.get_all([PERSON, PERSON, Person(ADA)], HARBOUR)
    assert found == [f"{ADA}/{HASH}"] * 2 + [None]
    assert await avatars.get(PERSON, HARBOUR) == f"{ADA}/{HASH}"
    assert answers.asked == [f"https://cdn.discordapp.com/avatars/{ADA}/{HASH}.png?size=128"]


@pytest.mark.parametrize("hash_", ["", "../../secret", "0" * 31, "0" * 33, HASH + "\n", "A" * 32, "a_" + "g" * 32])
async def test_what_is_no_hash_is_not_asked_for(avatars: Avatars, answers: Answers, hash_: str) -> None:
    assert await avatars.get(Person(ADA, avatar=hash_), HARBOUR) is None
    assert answers.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(404),
        httpx2.Response(302, headers={"Location": "http://127.0.0.1/"}),
        httpx2.Response(200, content=b"no image"),
        httpx2.Response(200, content=b"a" * (LARGEST + 1)),
        httpx2.Response(200, content=png(3000, 3000)),
    ],
    ids=["not found", "elsewhere", "no image", "too many bytes", "too many pixels"],
)
async def test_what_cannot_be_had(
    avatars: Avatars, answers: Answers, now: list[float], answer: httpx2.Response
) -> None:
    answers.answer = answer
    assert [await avatars.get(PERSON, HARBOUR) for _ in range(2)] == [None, None]
    assert len(answers.asked) == 1, "nor is it asked for at once again"
    answers.answer = httpx2.Response(200, content=png())
    now[0] += FAILED_SECONDS + 1
    assert await avatars.get(PERSON, HARBOUR) == f"{ADA}/{HASH}"


async def test_a_new_process_has_none(avatars: Avatars, answers: Answers, renderer: Renderer) -> None:
    await avatars.get(PERSON, HARBOUR)
    avatars.clear()
    await avatars.get(PERSON, HARBOUR)
    assert len(answers.asked) == 2


async def test_only_public_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    class Elsewhere(Resolver):
        async def addresses(self, host: str, port: int, guild_id: int) -> list[str]:
            return ["127.0.0.1"]

    assert await Cdn(Elsewhere()).fetch(f"/avatars/{ADA}/{HASH}.png", HARBOUR) is None


@pytest.mark.parametrize(
    ("person", "initials"),
    [
        (Person(ADA, None, "Ada Lovelace"), "AL"),
        (Person(ADA, "bo_the_great", None), "BG"),
        (Person(ADA, None, "жюли"), "Ж"),
        (Person(ADA, None, "🔥🔥"), "🔥"),
        (Person(ADA, None, "محمد العربي"), "م"),
        (Person(ADA), "32"),
    ],
)
def test_initials(person: Person, initials: str) -> None:
    assert person.initials == initials
