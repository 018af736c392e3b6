"""The built-in modules, whose settings the application itself uses."""

from collections.abc import Mapping
from types import MappingProxyType

from api.settings.builtin.achievements import ACHIEVEMENTS
from api.settings.builtin.cards import CARDS
from api.settings.builtin.leveling import LEVELING
from api.settings.builtin.privacy import PRIVACY
from api.settings.builtin.public import PUBLIC
from api.settings.modules import Module

_MODULES = (LEVELING, ACHIEVEMENTS, PRIVACY, PUBLIC, CARDS)

BUILT_IN: Mapping[str, Module] = MappingProxyType({module.name: module for module in _MODULES})
