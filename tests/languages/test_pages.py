"""The pages in the reader's language."""

import re
from collections.abc import AsyncIterator

import httpx2
import pytest

from api.lib.languages import LANGUAGES
from tests.pages.stub import READY
from tests.support.serving import in_process
from tests.support.standing import standing


@pytest.fixture
async def client() -> AsyncIterator[httpx2.AsyncClient]:
    async with in_process(READY, "http://guildhall.test:8000") as made:
        yield made


@pytest.mark.parametrize("path", ["/", "/dashboard/"])
async def test_a_page_is_in_the_language_that_its_reader_accepts(client: httpx2.AsyncClient, path: str) -> None:
    english = await client.get(path)
    german = await client.get(path, headers={"Accept-Language": "de-AT,en;q=0.7"})
    assert '<html lang="en">' in english.text
    assert '<html lang="de">' in german.text
    assert english.text != german.text.replace('lang="de"', 'lang="en"')
    assert german.headers["vary"] == "Accept-Language, Cookie"


async def test_a_chosen_language_comes_first(client: httpx2.AsyncClient) -> None:
    headers = {"Accept-Language": "en", "Cookie": "guildhall_language=de"}
    page = (await client.get("/dashboard/", headers=headers)).text
    assert '<html lang="de">' in page
    assert '<option value="de" lang="de" selected>Deutsch' in page
    assert '<option value="en" lang="en">English' in page


@pytest.mark.parametrize("path", ["/", "/dashboard/"])
@pytest.mark.parametrize("wanted", ["-" * 30_000, "de-" * 10_000, "x-y," * 7_500])
async def test_a_long_header_does_not_hold_up_the_server(client: httpx2.AsyncClient, path: str, wanted: str) -> None:
    """Anybody may send one, and headers of 30 kB are let in."""
    await client.get(path)
    async with standing() as found:
        for headers in ({"Accept-Language": f"en,{wanted}"}, {"Cookie": f"guildhall_language={wanted}"}):
            assert (await client.get(path, headers=headers)).status_code == 200
    assert found.longest < 0.1


async def test_the_dashboard_gets_the_catalog_of_its_language(client: httpx2.AsyncClient) -> None:
    page = (await client.get("/dashboard/", headers={"Accept-Language": "de"})).text
    place = re.search(r'href="(/assets/languages/de\.json\?v=\w+)"', page)
    assert place is not None
    answer = await client.get(place[1])
    assert answer.headers["content-type"] == "application/json"
    assert answer.content == LANGUAGES["de"].as_json()
    assert "/assets/languages/" not in (await client.get("/dashboard/")).text
