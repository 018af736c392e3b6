"""Credentials and actors: who makes a request, and what they may see."""

from collections.abc import Mapping

import msgspec

from api.auth.scopes import Scope
from api.idempotency.claims import Claim


class Credential(msgspec.Struct, frozen=True):
    """A key as last read, or a person's session. For a session, `user_id` is the person, `id` is below 0, and the
    scopes are those of the person in the guild of the request. `guild_ids` None: every guild. `scopes_in`: the scopes
    in each guild, if the request is about no single one. `budgets`: the names and rates (requests a minute) of the
    budgets that a request counts against: its own, its maker's, and so on."""

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
        """The owner's name for idempotency keys."""
        return f"key:{self.id}" if self.user_id is None else f"session:{-self.id}"

    @property
    def family(self) -> str:
        """The name under which its running requests count. A key shares it with the keys that it made, as far as they
        share a budget; a session has its own."""
        return self.budgets[-1][0] if self.budgets else self.owner

    def sees(self, guild_id: int) -> bool:
        return self.guild_ids is None or guild_id in self.guild_ids

    def has(self, scope: Scope, guild_id: int | None) -> bool:
        """Whether it has a scope in a guild that it sees. None: the scope for things of all guilds."""
        if self.scopes_in is None or guild_id is None:
            return scope in self.scopes
        return scope in self.scopes_in.get(guild_id, ())

    def hidden_seen(self) -> int | None:
        """Which hidden people it sees. None: all, for a guild's bot. Otherwise the person with this id, who is the
        actor (a manager of a guild is a person too). 0: nobody."""
        if self.user_id is not None:
            return self.user_id
        return None if Scope.MEMBERS_WRITE in self.scopes else 0


class Actor(msgspec.Struct, frozen=True):
    """Who makes a change, for the audit log: a key, a user, an admin or the system. `claim`: where to store the
    answer."""

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
        """Which hidden people they see: those of their credential; the system sees all."""
        return None if self.credential is None else self.credential.hidden_seen()

    def sees_hidden(self, user_id: int) -> bool:
        """Whether they see this person, if the person is hidden."""
        return self.hidden_seen() in (None, user_id)


# Who shows no credential: whatever a stranger may see, everybody may. It has no scopes, and sees no hidden people.
STRANGER = Actor(
    kind="stranger",
    id=None,
    credential=Credential(id=0, scopes=frozenset(), guild_ids=None, rate_limit=None, expires_at=None),
)


def system(reason: str | None = None) -> Actor:
    """Guildhall itself: its jobs and its command line."""
    return Actor(kind="system", id="guildhall", reason=reason)
