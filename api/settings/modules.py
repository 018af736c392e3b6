"""A settings module: its schema and defaults, and the effective values of a guild's overrides."""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Self

import msgspec

from api.lib.diff import Change
from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonObject, JsonValue, as_object, copied, same
from api.lib.schema_faults import UNKNOWN
from api.lib.snowflakes import is_snowflake
from api.settings.effort import MOST_PLACE_CHECKS, TooManyChecks
from api.settings.merging import is_whole, laid_over, normalised, patched, pruned, without
from api.settings.schemas import InvalidSchema, checked, default_fault
from api.settings.subschemas import Node, allows_unknown
from api.settings.validation import SchemaValidator
from api.settings.values import MOST_FAULTS, TOO_DEEP, TOO_LONG, TOO_MANY, text_problem, value_faults

# The most checks of one value by a validator: 200,000 of them take some 30 ms.
MOST_CHECKS = 200_000

TOO_MUCH = "has too many values for a schema with so many alternatives: the check would take too long"
TOO_MANY_NESTED_CHECKS = (
    f"has alternatives within alternatives: a value could have to be checked {MOST_PLACE_CHECKS} times and more. "
    "Alternatives that say `additionalProperties` themselves are checked once"
)

Rules = Callable[[JsonObject], list[Fault]]


class Reference(msgspec.Struct, frozen=True, order=True):
    """A value that names a role, a channel or a person. `kind`: the schema's `x-ref`. `id`: a canonical snowflake.
    `pointer`: its place in the values."""

    pointer: str
    kind: str
    id: str


class Module:
    """A settings module. Immutable; it does not change its arguments.

    `schema` is as its author wrote it. `defaults` has the value of every property, nested. "Overrides" are the values
    that a guild has set, in the same shape."""

    def __init__(
        self,
        name: str,
        version: int,
        schema: JsonObject,
        *,
        title: str | None = None,
        description: str | None = None,
        built_in: bool = False,
        rules: Rules | None = None,
    ) -> None:
        """`rules` finds faults that a schema cannot express, in values that the schema accepts.

        Raises `InvalidSchema`, with pointers under `/schema`, `/title` and `/description`."""
        texts = {"/title": title, "/description": description}
        problems = {pointer: text_problem(text) for pointer, text in texts.items() if text}
        if faults := [Fault(pointer, problem) for pointer, problem in problems.items() if problem]:
            raise InvalidSchema(faults)
        self.name, self.version, self.title, self.description = name, version, title, description
        self.schema = as_object(copied(schema))
        self.built_in = built_in
        self._rules = rules
        self._tree, defaults = checked(self.schema)
        self.defaults = normalised(self._tree, defaults)
        try:
            self._validator = SchemaValidator(self._tree)
        except TooManyChecks as error:
            raise InvalidSchema([Fault("/schema", TOO_MANY_NESTED_CHECKS)]) from error
        except ValueError as error:
            raise InvalidSchema([Fault("/schema", f"cannot be compiled: {str(error).splitlines()[0]}")]) from error
        if faults := self.faults({}):
            raise InvalidSchema(default_fault(self._tree, fault) for fault in faults)

    @classmethod
    def registered(
        cls, name: str, version: int, title: str | None, description: str | None, schema: JsonObject
    ) -> Self:
        """A module that a bot registers. Raises `InvalidSchema`."""
        return cls(name, version, schema, title=title, description=description)

    def effective(self, overrides: JsonObject) -> JsonObject:
        """The defaults with the overrides merged in. A null override is a value. Other parts belong to the defaults: do
        not change them."""
        facets = self._tree.facets(self._tree.root, overrides)
        return laid_over(self._tree, facets, self.defaults, overrides)

    def apply_patch(self, overrides: JsonObject, patch: JsonObject) -> JsonObject:
        """The overrides after a merge patch (RFC 7396) in which null returns to the default.

        They are not validated: see `faults` and `patch_faults`."""
        return patched(self._tree, self.defaults, overrides, normalised(self._tree, patch))

    def replace(self, document: JsonObject) -> JsonObject:
        """The document as overrides; null is a value. They are not validated: see `faults`."""
        return pruned(self._tree, self.defaults, normalised(self._tree, document))

    def bound_faults(self, document: JsonObject) -> list[Fault]:
        """The faults of a document that is too large to examine, or needs too many checks. Call this before anything
        else."""
        if _is_too_large(unstorable := value_faults(document)):
            return unstorable
        effort = self._validator.checks_of(document)
        if sum(effort.values()) <= MOST_CHECKS:
            return []
        return [Fault(readable((max(effort, key=effort.__getitem__),)), TOO_MUCH)]

    def faults(self, overrides: JsonObject, values: JsonObject | None = None) -> list[Fault]:
        """All faults of the effective values, sorted, without duplicates. Pointers lead into the values; "" is the
        whole. `values`: `effective(overrides)`, if it is known."""
        unstorable = value_faults(overrides)
        if _is_too_large(unstorable):
            return sorted(set(unstorable))
        values = self.effective(overrides) if values is None else values
        if too_much := self.bound_faults(values):
            return too_much
        places = {fault.pointer for fault in unstorable}
        invalid = {fault for fault in self._validator.faults(values) if fault.pointer not in places}
        if self._rules and not unstorable:
            invalid |= self._rule_faults(self._rules, values, invalid)
        return sorted({*unstorable, *invalid})

    def _rule_faults(self, rules: Rules, values: JsonObject, invalid: set[Fault]) -> set[Fault]:
        """The faults that the rules find. Properties that the schema refuses count as default."""
        if not invalid:
            return set(rules(values))
        names = {_property(fault) for fault in invalid}
        sound = {name: self.defaults[name] if name in names else values[name] for name in self.defaults}
        if self._validator.faults(sound):
            return set()
        return {fault for fault in rules(sound) if _property(fault) not in names}

    def patch_faults(self, patch: JsonObject) -> list[Fault]:
        """The members of a merge patch that the schema does not know: the first thousand. Null members are included,
        which leave no trace in the overrides."""
        patch = normalised(self._tree, patch)
        return sorted(islice(self._unknown(self._tree.facets(self._tree.root, patch), patch, ()), MOST_FAULTS))

    def _unknown(self, facets: list[Node], patch: JsonObject, path: Path) -> Iterable[Fault]:
        for key, value in patch.items():
            place = (*path, key)
            parts = self._tree.part(facets, key, value)
            if not parts and not allows_unknown(facets):
                yield Fault(readable(place), UNKNOWN)
            elif isinstance(value, dict) and parts and not is_whole(parts):
                yield from self._unknown(parts, value, place)

    def overridden(self, overrides: JsonObject) -> list[str]:
        """The properties that the overrides set, by name."""
        return sorted(overrides)

    def references(self, values: JsonObject) -> list[Reference]:
        """The roles, channels and people in the values, in order of their places."""
        return sorted(set(self._references(self._tree.facets(self._tree.root, values), values, ())))

    def _references(self, facets: list[Node], value: JsonValue, path: Path) -> Iterable[Reference]:
        if isinstance(value, str) and is_snowflake(value):
            for facet in facets:
                kind = facet.schema.get("x-ref")
                if isinstance(kind, str) and facet.schema.get("format") == "snowflake":
                    yield Reference(readable(path), kind, value)
        members: Iterable[tuple[str | int, JsonValue]] = ()
        if isinstance(value, dict):
            members = value.items()
        elif isinstance(value, list):
            members = enumerate(value)
        for key, member in members:
            if not isinstance(member, (dict, list)) and not (isinstance(member, str) and is_snowflake(member)):
                continue  # no references: most values, so most of the walk
            yield from self._references(self._tree.part(facets, key, member), member, (*path, key))

    def without_failing(self, overrides: JsonObject) -> JsonObject:
        """The overrides without the invalid ones: those at, or next above, each fault, until the rest is valid. {} if
        no such rest is found."""
        left = self.replace(overrides)
        while faults := self.faults(left):
            fewer = left
            for fault in faults:
                tokens = fault.pointer.split("/")[1:]
                path = tuple(token.replace("~1", "/").replace("~0", "~") for token in tokens)
                fewer = without(self._tree, fewer, path) if path else {}
            if same(fewer, left):
                return {}
            left = fewer
        return left


def _property(fault: Fault) -> str:
    """The top-level property that contains the fault; "" for the whole."""
    return fault.pointer[1:].split("/", 1)[0].replace("~1", "/").replace("~0", "~")


def _is_too_large(faults: list[Fault]) -> bool:
    """Whether the value is too large to search for further faults."""
    return any(fault.message in (TOO_DEEP, TOO_LONG, TOO_MANY) for fault in faults)


def changes(before: JsonObject, after: JsonObject) -> dict[str, Change]:
    """The properties whose effective value differs, by name."""
    return {
        name: Change(before.get(name), after.get(name))
        for name in sorted(before.keys() | after.keys())
        if name not in before
        or name not in after
        # Most values are shared with the defaults: identical objects need no comparison.
        or (before[name] is not after[name] and not same(before[name], after[name]))
    }
