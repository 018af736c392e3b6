"""An authenticator app beside the password: six digits that change every half minute (TOTP, RFC 6238), and recovery
codes for when it is lost."""

import secrets
from base64 import b32encode
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest

import msgspec

from api.audit.service import record
from api.auth.actors import Actor
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.secret_box import SecretBox, Undecryptable
from api.postgres.database import Database

STEP_SECONDS = 30
RECOVERY_CODES = 10
_ISSUER = "Guildhall"

_ENROL = """
    INSERT INTO admin_second_factors AS f (user_id, secret, recovery_codes) VALUES ($1, $2, $3)
    ON CONFLICT (user_id) DO UPDATE SET
        secret = EXCLUDED.secret, recovery_codes = EXCLUDED.recovery_codes, last_step = 0, created_at = now()
    WHERE f.confirmed_at IS NULL
    RETURNING user_id
"""
_READ = "SELECT secret, last_step, confirmed_at FROM admin_second_factors WHERE user_id = $1"
# Whichever of two requests with one code comes first: the second finds the step used.
_USE_STEP = """
    UPDATE admin_second_factors SET last_step = $2, confirmed_at = coalesce(confirmed_at, now())
    WHERE user_id = $1 AND last_step < $2 AND (confirmed_at IS NOT NULL) = $3
    RETURNING user_id
"""
_USE_RECOVERY_CODE = """
    UPDATE admin_second_factors SET recovery_codes = array_remove(recovery_codes, $2)
    WHERE user_id = $1 AND confirmed_at IS NOT NULL AND $2 = ANY(recovery_codes)
    RETURNING cardinality(recovery_codes) AS remaining
"""
_REMOVE = "DELETE FROM admin_second_factors WHERE user_id = $1 RETURNING confirmed_at"
_END_OTHERS = "DELETE FROM admin_sessions WHERE user_id = $1 AND token <> $2"


class Enrolment(msgspec.Struct, frozen=True):
    """What is shown once. `uri`: for the app, as a picture; `secret`: the same for who types it."""

    uri: str
    secret: str
    recovery_codes: list[str]


class SecondFactor:
    """The second factors of all admins."""

    def __init__(self, database: Database, clock: Clock, own: Sequence[str]) -> None:
        """`own`: the installation's secrets, the one that encrypts first."""
        self._database = database
        self._clock = clock
        self._secret_box = SecretBox(own)

    async def is_on(self, user_id: int) -> bool:
        """Whether a log-in of this user needs a code."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(_READ, user_id)
        return row is not None and row["confirmed_at"] is not None

    async def enrol(self, user_id: int, name: str) -> Enrolment | None:
        """A new secret, which counts once a code has confirmed it; None where there is one already. The second
        time, before that, it makes another."""
        from pyotp import TOTP

        secret = b32encode(secrets.token_bytes(20)).decode()
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        hashes = [_hash(code) for code in codes]
        async with self._database.connection() as connection:
            made = await connection.fetchval(_ENROL, user_id, self._secret_box.encrypt(secret), hashes)
        if made is None:
            return None
        return Enrolment(TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER), secret, codes)

    async def confirm(self, actor: Actor, user_id: int, name: str, code: str, session: str) -> bool:
        """Whether the code shows that the app has the secret: from now on each log-in needs one. `session`: the
        digest of the one that goes on; the others end."""
        step = await self._step(user_id, code)
        if step is None:
            return False
        async with self._database.transaction() as connection:
            if await connection.fetchval(_USE_STEP, user_id, step, False) is None:  # noqa: FBT003 - not confirmed yet
                return False
            await connection.execute(_END_OTHERS, user_id, session)
            await record(connection, actor, "admin.second_factor_enabled", guild_ids=[None], target=name, changes={})
        return True

    async def use(self, actor: Actor, user_id: int, name: str, code: str) -> bool:
        """Whether the code is the app's, or a recovery code; each counts once."""
        step = await self._step(user_id, code)
        async with self._database.transaction() as connection:
            if step is not None:
                return await connection.fetchval(_USE_STEP, user_id, step, True) is not None  # noqa: FBT003 - confirmed
            remaining = await connection.fetchval(_USE_RECOVERY_CODE, user_id, _hash(code))
            if remaining is None:
                return False
            told = {"recovery_codes": Change(remaining + 1, remaining)}
            await record(connection, actor, "admin.recovery_code_used", guild_ids=[None], target=name, changes=told)
        return True

    async def remove(self, actor: Actor, user_id: int, name: str) -> bool:
        """Whether there was one: log-ins need no code any more."""
        async with self._database.transaction() as connection:
            if await connection.fetchval(_REMOVE, user_id) is None:
                return False
            await record(connection, actor, "admin.second_factor_disabled", guild_ids=[None], target=name, changes={})
        return True

    async def _step(self, user_id: int, code: str) -> int | None:
        """The half minute that this code belongs to: the present one or one of its neighbours, for clocks that are
        a little wrong."""
        from pyotp import TOTP

        async with self._database.connection() as connection:
            row = await connection.fetchrow(_READ, user_id)
        digits = code.replace(" ", "")
        if row is None or not (digits.isascii() and digits.isdecimal()):
            return None
        try:
            secret = self._secret_box.decrypt(row["secret"])
        except Undecryptable:
            return None
        now = int(self._clock.now().timestamp()) // STEP_SECONDS
        totp = TOTP(secret)
        steps = (step for step in (now, now - 1, now + 1) if compare_digest(totp.at(step * STEP_SECONDS), digits))
        return next(steps, None)


def _recovery_code() -> str:
    """120 random bits, in groups that a person can copy."""
    text = b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash(code: str) -> bytes:
    """As it is kept: so many random bits need no slow hash."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return sha256(plain.encode("utf-8", "surrogatepass")).digest()
