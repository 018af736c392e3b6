"""The state of a log-in under way. It is stored nowhere: it travels with the browser, encrypted."""

import hmac
from datetime import timedelta

import msgspec

from api.auth.sessions import digest
from api.errors import LoginFailed
from api.lib.clock import Clock
from api.lib.secret_box import SecretBox, Undecryptable

LOGIN = timedelta(minutes=10)


class Pending(msgspec.Struct, frozen=True):
    """A started log-in, as its state stores it. `browser`: a hash of its cookie; `expires_at`: in seconds."""

    browser: bytes
    verifier: str
    return_to: str
    expires_at: float


class LoginStates:
    def __init__(self, secret_box: SecretBox, clock: Clock) -> None:
        self._secret_box = secret_box
        self._clock = clock

    def write(self, browser: str, verifier: str, return_to: str) -> str:
        """The state of a log-in that begins now."""
        ends = (self._clock.now() + LOGIN).timestamp()
        pending = Pending(digest(browser), verifier, return_to, ends)
        return self._secret_box.encrypt(msgspec.json.encode(pending).decode()).decode()

    def read(self, state: str | None, browser: str | None) -> Pending:
        """What was begun with this state, by this browser. Raises `LoginFailed`."""
        try:
            begun = msgspec.json.decode(self._secret_box.decrypt((state or "").encode()), type=Pending)
        except (Undecryptable, msgspec.DecodeError):
            raise LoginFailed("This log-in was not started here. Start again.") from None
        if begun.expires_at <= self._clock.now().timestamp():
            raise LoginFailed("This log-in took longer than ten minutes. Start again.")
        if browser is None or not hmac.compare_digest(begun.browser, digest(browser)):
            raise LoginFailed("This log-in was started in another browser. Start again.")
        return begun
