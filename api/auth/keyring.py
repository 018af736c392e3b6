"""The keyring: the credentials of API keys, looked up once and cached until the change watcher invalidates them."""

from collections import OrderedDict
from collections.abc import Sequence

from api.auth import queries, tokens
from api.auth.actors import Credential
from api.auth.scopes import KNOWN
from api.errors import Unauthorized
from api.lib.clock import Clock
from api.lib.fair_batches import FairBatches
from api.postgres.change_watcher import ChangeWatcher
from api.postgres.database import Database
from tables.auth import ApiKey
from tables.sql import Row, one_of

CACHED_KEYS = 10_000
UNKNOWN_KEYS = 10_000  # tokens that are known to be no key

# Revoking must reach every worker within 5 s, so older entries are read again.
FRESH_SECONDS = 4.0

UNKNOWN = "This key does not exist, or was revoked."


class Keyring:
    def __init__(self, database: Database, watcher: ChangeWatcher, clock: Clock) -> None:
        self._database = database
        self._watcher = watcher
        self._clock = clock
        self._cache: OrderedDict[bytes, Credential] = OrderedDict()
        self._digests: dict[int, bytes] = {}
        self._unknown: OrderedDict[bytes, None] = OrderedDict()
        self._invalidations = 0
        self._look_ups = FairBatches(self._look_up)
        self.used: set[int] = set()
        watcher.subscribe(self._invalidate)

    async def authenticate(self, authorization: str | None, address: str = "") -> Credential:
        """The credential of an `Authorization` header. `address`: the client's; requests of one address share look-ups.
        Raises `Unauthorized`."""
        if authorization is None:
            raise Unauthorized
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthorized("Send the key as `Authorization: Bearer gh_…`.")
        digest = tokens.digest(token)
        credential = self._cache.get(digest)
        if credential is None or not self._watcher.is_fresh(FRESH_SECONDS):
            if not tokens.is_well_formed(token):
                raise Unauthorized("This is not a key: its check digits are wrong. Was it cut off or mistyped?")
            if digest in self._unknown and self._watcher.is_fresh():
                raise Unauthorized(UNKNOWN)
            credential = await self._look_ups.get(digest, address)
        if credential is None:
            raise Unauthorized(UNKNOWN)
        if credential.expires_at is not None and credential.expires_at <= self._clock.now().timestamp():
            raise Unauthorized("This key has expired.")
        self.used.add(credential.id)
        return credential

    def cached(self, authorization: bytes | None) -> Credential | None:
        """The credential, if it is in memory, fresh and valid. None: `authenticate` knows why."""
        if authorization is None or not authorization.startswith(b"Bearer ") or not self._watcher.is_fresh():
            return None
        credential = self._cache.get(tokens.digest_bytes(authorization[7:]))
        if credential is None or (
            credential.expires_at is not None and credential.expires_at <= self._clock.now().timestamp()
        ):
            return None
        self.used.add(credential.id)
        return credential

    async def current(self, key_id: int) -> Credential | None:
        """The present credential of a key; None if the key is no longer valid."""
        columns = (ApiKey.id, ApiKey.scopes, ApiKey.guild_ids, ApiKey.rate_limit, ApiKey.expires_at)
        good = ApiKey.expires_at.is_null() | (ApiKey.expires_at > self._clock.now())
        row = await ApiKey.select(*columns).where(ApiKey.id == key_id, ApiKey.revoked_at.is_null(), good).first()
        # Without budgets: the work of a request that was counted already.
        return None if row is None else _credential({**row, "budget_ids": None, "limits": None})

    async def _look_up(self, digests: Sequence[bytes]) -> list[Credential | None]:
        """Reads these keys from the database and caches them, also those that do not exist."""
        invalidations = self._invalidations
        async with self._database.connection() as connection:
            rows = await connection.fetch(queries.BY_HASHES, digests)
        found = {row["hash"]: _credential(row) for row in rows}
        # Not if a key changed during the read: the result may be older than the change.
        if invalidations == self._invalidations:
            for digest in digests:
                self._remember(digest, found.get(digest))
        return [found.get(digest) for digest in digests]

    def _remember(self, digest: bytes, credential: Credential | None) -> None:
        if credential is None:
            self._unknown[digest] = None
            if len(self._unknown) > UNKNOWN_KEYS:
                self._unknown.popitem(last=False)
            return
        self._cache[digest] = credential
        self._digests[credential.id] = digest
        if len(self._cache) > CACHED_KEYS:
            _, oldest = self._cache.popitem(last=False)
            self._digests.pop(oldest.id, None)

    def _invalidate(self, kind: str, ids: set[int] | None) -> None:
        if kind == "key":
            self._invalidations += 1
            self._unknown.clear()
            for id_ in list(self._digests) if ids is None else ids:
                if digest := self._digests.pop(id_, None):
                    self._cache.pop(digest, None)

    async def note_uses(self) -> None:
        """Stores `last_used_at` of the keys used since the last call, in one statement. Raises `Unavailable`: the next
        call stores them then."""
        used, self.used = self.used, set()
        if not used:
            return
        try:
            # Rows that another process is writing are left to the next call, so nobody waits.
            free = ApiKey.select(ApiKey.id).where(one_of(ApiKey.id, sorted(used)))
            free = free.lock_rows("NO KEY UPDATE", skip_locked=True)
            await ApiKey.update({ApiKey.last_used_at: self._clock.now()}).where(ApiKey.id.is_in(free))
        except BaseException:
            self.used |= used  # stored by the next call
            raise


def _credential(row: Row) -> Credential:
    return Credential(
        id=row["id"],
        scopes=frozenset(KNOWN[scope] for scope in row["scopes"] if scope in KNOWN),
        guild_ids=None if row["guild_ids"] is None else frozenset(row["guild_ids"]),
        rate_limit=row["rate_limit"],
        expires_at=None if row["expires_at"] is None else row["expires_at"].timestamp(),
        budgets=tuple(
            (f"key:{id_}", limit) for id_, limit in zip(row["budget_ids"] or (), row["limits"] or (), strict=True)
        ),
    )
