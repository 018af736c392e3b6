"""Settings that come with other bots' standings, for the module `leveling`."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

from api.auth.scopes import Scope
from api.errors import Invalid
from api.imports.decoding import located
from api.imports.dtos import Source
from api.imports.work import Work
from api.lib import snowflakes
from api.lib.faults import Fault
from api.lib.json import JsonObject, JsonValue
from api.lib.snowflakes import Snowflake
from api.settings.builtin.leveling import LEVELING
from api.settings.service import SettingsService

Number = int | float


class Mee6Role(msgspec.Struct, frozen=True):
    id: Snowflake


class Mee6Reward(msgspec.Struct, frozen=True):
    rank: int
    role: Mee6Role


class Mee6Page(msgspec.Struct, frozen=True):
    role_rewards: list[Mee6Reward] = []
    xp_rate: Number | None = None
    xp_per_message: Annotated[list[int], Meta(min_length=2, max_length=2)] | None = None


class PolarisGain(msgspec.Struct, frozen=True):
    min: int
    max: int
    time: Number | None = None


class PolarisSettings(msgspec.Struct, frozen=True):
    gain: PolarisGain | None = None
    curve: dict[str, Number] | None = None
    rounding: int = 100


class PolarisPage(msgspec.Struct, frozen=True):
    settings: PolarisSettings = PolarisSettings()


class ImportedSettings:
    """What the pages of a file say, the first that says anything."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._patch: JsonObject = {}
        self._faults: list[Fault] = []

    def see(self, page: Mapping[str, object]) -> None:
        """Checks a page without its rows."""
        if self._patch or self._faults:
            return
        try:
            if self._source == "mee6":
                self._patch = mee6_patch(msgspec.convert(page, Mee6Page, dec_hook=snowflakes.decode))
            elif self._source == "polaris":
                self._patch = polaris_patch(msgspec.convert(page, PolarisPage))
        except (msgspec.ValidationError, ValueError) as error:
            self._faults = [Fault(*located(str(error)))]

    async def store(self, work: Work, settings: SettingsService) -> None:
        """Patches the guild's settings. Done twice, the second time changes nothing. What the module refuses
        is reported as the file's fault, and the standings stay."""
        faults = self._faults
        if Scope.SETTINGS_WRITE not in work.rights.scopes:
            faults = [Fault("", f"this needs the scope `{Scope.SETTINGS_WRITE}`, which is missing now")]
        if self._patch and not faults:
            if work.dry_run:
                faults = LEVELING.faults(LEVELING.apply_patch({}, self._patch))
            else:
                try:
                    await settings.patch(work.actor, work.guild_id, "leveling", self._patch, None)
                except Invalid as invalid:
                    faults = [fault for fault in invalid.errors if isinstance(fault, Fault)]
        for fault in faults:
            work.refuse(0, Fault(fault.pointer, f"The settings were not imported: {fault.message}"))


def mee6_patch(page: Mee6Page) -> JsonObject:
    """Role rewards, rate and XP per message. The rate multiplies what a message gives."""
    patch: JsonObject = {}
    if page.role_rewards:
        rewards = dict.fromkeys((reward.rank, str(reward.role.id)) for reward in page.role_rewards)
        patch["role_rewards"] = [{"level": level, "role_id": role_id} for level, role_id in rewards if level > 0]
    if page.xp_rate is not None:
        patch["multiplier"] = page.xp_rate
    if page.xp_per_message is not None:
        patch["xp_per_message"] = {"min": page.xp_per_message[0], "max": page.xp_per_message[1]}
    return patch


def polaris_patch(page: PolarisPage) -> JsonObject:
    """What a message gives and how often, and the curve: the total to reach level L is a polynomial in L."""
    patch: JsonObject = {}
    gain, curve = page.settings.gain, page.settings.curve
    if gain is not None:
        patch["xp_per_message"] = {"min": gain.min, "max": gain.max}
        if gain.time is not None:
            patch["cooldown_seconds"] = round(gain.time)
    if curve is not None:
        coefficients: list[JsonValue] = [0, *(curve.get(power, 0) for power in ("1", "2", "3"))]
        patch["curve"] = {"kind": "total", "coefficients": coefficients, "round_to": max(page.settings.rounding, 1)}
    return patch
