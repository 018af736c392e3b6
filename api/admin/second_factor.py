"""The second factor of administrators: an authenticator app (TOTP, RFC 6238: six digits that change every half
minute), and recovery codes in case it is lost."""

import secrets
from base64 import b32encode
from collections.abc import Sequence
from hashlib import sha256
from hmac import compare_digest

import msgspec
from piccolo.columns import Column, Where
from piccolo.querystring import QueryString

from api.audit.service import record
from api.auth.actors import Actor
from api.lib.clock import Clock
from api.lib.diff import Change
from api.lib.secret_box import SecretBox, Undecryptable
from api.postgres.database import Database
from tables.admin import AdminSecondFactor as Factor
from tables.admin import AdminSession
from tables.sql import DEFAULT, Row

STEP_SECONDS = 30
RECOVERY_CODES = 10
_ISSUER = "Guildhall"


class Enrolment(msgspec.Struct, frozen=True):
    """The data that are shown once. `uri`: for the app, as a picture; `secret`: for typing it in."""

    uri: str
    secret: str
    recovery_codes: list[str]


class SecondFactor:
    """The second factors of all administrators."""

    def __init__(self, database: Database, clock: Clock, own: Sequence[str]) -> None:
        """`own`: the installation's secrets, the one that encrypts first."""
        self._database = database
        self._clock = clock
        self._secret_box = SecretBox(own)

    async def is_on(self, user_id: int) -> bool:
        """Whether a log-in of this user needs a code."""
        row = await _read(user_id)
        return row is not None and row["confirmed_at"] is not None

    async def enrol(self, user_id: int, name: str) -> Enrolment | None:
        """A new secret, which counts when a code has confirmed it; None if the second factor is on already. A repeated
        call before that makes another secret."""
        from pyotp import TOTP

        secret = b32encode(secrets.token_bytes(20)).decode()
        codes = [_recovery_code() for _ in range(RECOVERY_CODES)]
        hashes = [_hash(code) for code in codes]
        new = Factor(
            user_id=user_id, secret=self._secret_box.encrypt(secret), recovery_codes=hashes, created_at=DEFAULT
        )
        fresh: list[Column | tuple[Column, object]] = [
            Factor.secret,
            Factor.recovery_codes,
            Factor.last_step,
            (Factor.created_at, QueryString("now()")),
        ]
        insert = Factor.insert(new).on_conflict(Factor.user_id, "DO UPDATE", fresh, Factor.confirmed_at.is_null())
        if not await insert.returning(Factor.user_id):
            return None
        return Enrolment(TOTP(secret).provisioning_uri(name=name, issuer_name=_ISSUER), secret, codes)

    async def confirm(self, actor: Actor, user_id: int, name: str, code: str, session: str) -> bool:
        """Whether the code proves that the app has the secret. If so, each log-in needs a code from now on. `session`:
        the digest of the session that continues; the others end."""
        step = await self._step(user_id, code)
        if step is None:
            return False
        async with self._database.transaction() as connection:
            if not await _use_step(user_id, step, Factor.confirmed_at.is_null()):
                return False
            await AdminSession.delete().where(AdminSession.user_id == user_id, AdminSession.token != session)
            await record(connection, actor, "admin.second_factor_enabled", guild_ids=[None], target=name, changes={})
        return True

    async def use(self, actor: Actor, user_id: int, name: str, code: str) -> bool:
        """Whether this is a valid code of the app, or a recovery code. Each counts once."""
        step = await self._step(user_id, code)
        async with self._database.transaction() as connection:
            if step is not None:
                return await _use_step(user_id, step, Factor.confirmed_at.is_not_null())
            remaining = await _use_recovery_code(user_id, _hash(code))
            if remaining is None:
                return False
            changes = {"recovery_codes": Change(remaining + 1, remaining)}
            await record(connection, actor, "admin.recovery_code_used", guild_ids=[None], target=name, changes=changes)
        return True

    async def remove(self, actor: Actor, user_id: int, name: str) -> bool:
        """Turns the second factor off. Whether it was on."""
        async with self._database.transaction() as connection:
            removed = await Factor.delete().where(Factor.user_id == user_id).returning(Factor.confirmed_at)
            if not removed or removed[0]["confirmed_at"] is None:
                return False
            await record(connection, actor, "admin.second_factor_disabled", guild_ids=[None], target=name, changes={})
        return True

    async def _step(self, user_id: int, code: str) -> int | None:
        """The half minute of this code: the present one or a neighbour, for clocks that are slightly wrong."""
        from pyotp import TOTP

        row = await _read(user_id)
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


async def _read(user_id: int) -> Row | None:
    return await Factor.select().where(Factor.user_id == user_id).first()


async def _use_step(user_id: int, step: int, state: Where) -> bool:
    """Marks a step as used. If two requests have one code, the second finds the step used. `state`: whether the second
    factor must be confirmed already."""
    values: dict[Column | str, object] = {
        Factor.last_step: step,
        Factor.confirmed_at: QueryString("coalesce({}, now())", Factor.confirmed_at),
    }
    update = Factor.update(values).where(Factor.user_id == user_id, Factor.last_step < step, state)
    return bool(await update.returning(Factor.user_id))


async def _use_recovery_code(user_id: int, code: bytes) -> int | None:
    """The number of codes that are left; None if this is not one of them."""
    rest = QueryString("array_remove({}, {})", Factor.recovery_codes, code)
    update = Factor.update({Factor.recovery_codes: rest}).where(
        Factor.user_id == user_id, Factor.confirmed_at.is_not_null(), Factor.recovery_codes.any(code)
    )
    rows = await update.returning(Factor.recovery_codes)
    return len(rows[0]["recovery_codes"]) if rows else None


def _recovery_code() -> str:
    """A recovery code: 120 random bits, in groups that are easy to copy."""
    text = b32encode(secrets.token_bytes(15)).decode().lower()
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _hash(code: str) -> bytes:
    """The stored hash of a code. So many random bits need no slow hash."""
    plain = "".join(letter for letter in code.lower() if letter.isalnum())
    return sha256(plain.encode("utf-8", "surrogatepass")).digest()
