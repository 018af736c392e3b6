"""Which passwords an administrator may have."""

import httpx2
import pytest

from tables.passwords import WeakPassword, refuse_weak
from tests.admin.conftest import IGNORE_SCHEMA, PASSWORD, log_in

pytestmark = pytest.mark.filterwarnings(IGNORE_SCHEMA)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "too short"),
        ("k7#Qw-zR9.x", "too short"),
        ("x7" * 65, "too long"),
        ("pbkdf2_sha256$600000$salt$hash" * 5, "too long"),
        ("the-ada-of-Harbour", "user name"),
        ("the-ADA-of-Harbour", "user name"),
        ("111122223333", "digits alone"),
        ("314159265358", "digits alone"),
        ("aaaaaaaaaaaaaaa", "very few"),
        ("abababababab!!", "very few"),
        ("password1234", "common"),
        ("Password!2026", "common"),
        ("P@ssw0rd1234", "common"),
        ("$unshine-2026-", "common"),
        ("passwordpassword", "common"),
        ("qwertyuiop12", "common"),
        ("poiuytrewq-12", "common"),
        ("qwertzuiopas", "common"),
        ("abcdefghijklm", "common"),
        ("1qaz2wsx3edc", "common"),
        ("guildhall-2026", "common"),
        ("administrator!", "common"),
    ],
)
def test_a_password_that_would_be_guessed_is_refused(password: str, why: str) -> None:
    with pytest.raises(WeakPassword, match=why):
        refuse_weak(password, "ada")


@pytest.mark.parametrize(
    "password",
    [PASSWORD, "k7#Qw-zR9.xa", "восемь спокойных", "twelve letters", "Zg0-9s_wQk1LmN3p", "x" * 60 + "ywvut" * 13],
)
def test_a_good_one_is_accepted(password: str) -> None:
    refuse_weak(password, "ada")


def test_a_name_of_two_letters_is_in_too_many_words() -> None:
    refuse_weak("a bottle of water", "bo")


async def test_every_way_to_a_password_asks(ada: httpx2.AsyncClient, bo: httpx2.AsyncClient, ada_id: int) -> None:
    base = "/admin/api/tables/admin_users/"
    new = {"username": "eve", "email": "eve@localhost", "active": True, "admin": True, "superuser": False}
    made = await ada.post(base, json={**new, "password": "password1234"})
    assert (made.status_code, "common" in made.text) == (400, True)
    for name in ("", " ", "a\u202eb"):
        blank = await ada.post(base, json={**new, "username": name, "password": PASSWORD})
        assert (blank.status_code, "A name has" in blank.text) == (400, True)
        renamed = await ada.patch(f"{base}{ada_id}/", json={"username": name})
        assert (renamed.status_code, "A name has" in renamed.text) == (422, True)
    contains = await ada.patch(f"{base}{ada_id}/", json={"password": "ada of Harbour"})
    assert (contains.status_code, "user name" in contains.text) == (422, True)
    body = {"current_password": PASSWORD, "new_password": "password1234", "confirm_new_password": "password1234"}
    own = await bo.post("/admin/api/change-password/", json=body)
    assert (own.status_code, "common" in own.text) == (422, True)
    assert (await log_in(bo, "bo")).status_code == 200
