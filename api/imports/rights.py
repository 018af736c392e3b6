"""What an import may change and an export may contain: each line needs the right of its own route. Pure."""

from collections.abc import Mapping

import msgspec

from api.auth.actors import Credential
from api.auth.scopes import ALL, Scope
from api.imports.dtos import ImportQuery
from api.imports.lines import MemberLine, SettingsLine
from api.lib.faults import Fault
from api.settings.builtin.privacy import PRIVACY

# By kind of line: the scope of the route that does the same. What is of members alone has no other route for its
# amounts: it needs what importing needs.
NEEDS: Mapping[str, Scope] = {
    "guild": Scope.GUILDS_WRITE,
    "roles": Scope.GUILDS_WRITE,
    "channels": Scope.GUILDS_WRITE,
    "settings": Scope.SETTINGS_WRITE,
    "achievement": Scope.ACHIEVEMENTS_WRITE,
    "award": Scope.ACHIEVEMENTS_WRITE,
    "member": Scope.MEMBERS_WRITE,
    "day": Scope.MEMBERS_WRITE,
    "hour": Scope.MEMBERS_WRITE,
    "stat_day": Scope.MEMBERS_WRITE,
    "event_ids": Scope.MEMBERS_WRITE,
}

# By kind of line: what reading it elsewhere needs. An export leaves out what its reader lacks; all that is of members
# comes with the right to export.
READS: Mapping[str, Scope] = {
    "guild": Scope.GUILDS_READ,
    "roles": Scope.GUILDS_READ,
    "channels": Scope.GUILDS_READ,
    "settings": Scope.SETTINGS_READ,
    "achievement": Scope.ACHIEVEMENTS_READ,
}

_HIDING = (
    f"would hide somebody in every guild: this needs a key with the scope `{Scope.USERS_ERASE}` and without a list of"
    " guilds"
)
_ADMITTING = f"sets the roles that may use the dashboard: besides `{Scope.SETTINGS_WRITE}`, this needs Manage Guild"


class Rights(msgspec.Struct, frozen=True):
    """What whoever asked for an import may do in its guild. `may_hide`: anybody, in every guild. `may_admit`: say
    who may come in."""

    scopes: frozenset[Scope] = ALL
    may_hide: bool = True
    may_admit: bool = True

    def fault(self, kind: str, item: object) -> Fault | None:
        """Why a line may not be taken; None if it may."""
        needed = NEEDS[kind]
        if needed not in self.scopes:
            return Fault(f"/{kind}", f"needs the scope `{needed}`, which is missing")
        if isinstance(item, SettingsLine) and item.module == PRIVACY.name and not self.may_admit:
            return Fault("/settings/module", _ADMITTING)
        if isinstance(item, MemberLine) and item.is_hidden and not self.may_hide:
            return Fault("/member/is_hidden", _HIDING)
        return None

    def hiding_fault(self, pointer: str) -> Fault | None:
        """Why a row may hide nobody; None if it may."""
        return None if self.may_hide else Fault(pointer, _HIDING)

    def missing(self, query: ImportQuery) -> Scope | None:
        """The scope that the query needs beside that of the route, if it is missing."""
        if query.settings and Scope.SETTINGS_WRITE not in self.scopes:
            return Scope.SETTINGS_WRITE
        return None

    def left_out(self) -> list[str]:
        """The kinds of lines that an export leaves out."""
        return [kind for kind, needed in READS.items() if needed not in self.scopes]


EVERYTHING = Rights()


def rights_of(credential: Credential | None) -> Rights:
    """The rights of a key, of a person in the guild that their scopes are of, or (None) of the system itself."""
    if credential is None:
        return EVERYTHING
    return Rights(
        credential.scopes,
        may_hide=Scope.USERS_ERASE in credential.scopes and credential.guild_ids is None,
        # People have `guilds:write` where they have Manage Guild.
        may_admit=credential.user_id is None or Scope.GUILDS_WRITE in credential.scopes,
    )
