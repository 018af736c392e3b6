"""Who is asking, and what they may see."""

from collections.abc import Mapping

import msgspec

from api.auth.scopes import Scope
from api.idempotency.store import Claim


class Credential(msgspec.Struct, frozen=True):
    """A key, as it was when it was last read, or a person's session: then `user_id` says who it is, `id` is below 0,
    and the scopes are those that the person has in the guild that is asked about. `guild_ids` None: every guild.
    `scopes_in`: of a person whom no one guild was asked about, what they have in each that they see. `budgets`: by
    whose name requests are counted, and how many a minute: its own, its maker's, and so on."""

    id: int
    scopes: frozenset[Scope]
    guild_ids: frozenset[int] | None
    rate_limit: int | None
    expires_at: float | None
    user_id: int | None = None
    budgets: tuple[tuple[str, int], ...] = ()
    scopes_in: Mapping[int, frozenset[Scope]] | None = None

    @property
    def name(self) -> str:
        """For logs: `key:7`, `user:190320984123768832`."""
        return f"key:{self.id}" if self.user_id is None else f"user:{self.user_id}"

    @property
    def owner(self) -> str:
        """Whose idempotency keys they are."""
        return f"key:{self.id}" if self.user_id is None else f"session:{-self.id}"

    @property
    def family(self) -> str:
        """Under whose name what it does at once is counted: a key with those that it made, as far as they share a
        budget of requests; a session by itself."""
        return self.budgets[-1][0] if self.budgets else self.owner

    def sees(self, guild_id: int) -> bool:
        return self.guild_ids is None or guild_id in self.guild_ids

    def has(self, scope: Scope, guild_id: int | None) -> bool:
        """Whether it has a scope in a guild that it sees; None: for what concerns every guild."""
        if self.scopes_in is None or guild_id is None:
            return scope in self.scopes
        return scope in self.scopes_in.get(guild_id, ())

    def hidden_seen(self) -> int | None:
        """Of which hidden people it is told: None of all, as a guild's bot is; else of the person with this id
        alone, which is who asks, or 0, nobody. Whoever manages a guild is a person too."""
        if self.user_id is not None:
            return self.user_id
        return None if Scope.MEMBERS_WRITE in self.scopes else 0


class Actor(msgspec.Struct, frozen=True):
    """Who does something, for the audit log: a key, a user, an admin or the system itself. `claim`: where what
    they are answered is to be kept."""

    kind: str
    id: str | None
    reason: str | None = None
    ip: str | None = None
    request_id: str | None = None
    credential: Credential | None = None
    claim: Claim | None = None

    def guild_list(self) -> list[int] | None:
        """The only guilds this actor sees; None: all."""
        if self.credential is None or self.credential.guild_ids is None:
            return None
        return sorted(self.credential.guild_ids)

    def hidden_seen(self) -> int | None:
        """Of which hidden people they are told, as their credential is; Guildhall itself of all."""
        return None if self.credential is None else self.credential.hidden_seen()

    def sees_hidden(self, user_id: int) -> bool:
        """Whether they are told of this person where that one is hidden."""
        return self.hidden_seen() in (None, user_id)


def system(reason: str | None = None) -> Actor:
    """Guildhall itself: its jobs and its command line."""
    return Actor(kind="system", id="guildhall", reason=reason)
