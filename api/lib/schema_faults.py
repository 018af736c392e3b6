"""Faults of a value by a JSON Schema, each at its own place."""

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from api.lib.faults import Fault, Path, readable
from api.lib.json import JsonValue
from api.lib.schema_messages import listed, sentence

UNKNOWN = "is not a known member"
MOST_GUESSES = 10  # unknown names of an object for which a similar known one is suggested
LONGEST_GUESS = 64
MOST_BRANCHES = 50  # of a union: with more alternatives, the nearest one is not searched


def error_faults(error: ValidationError) -> Iterator[Fault]:
    """The faults of one error of the engine: one for each missing or unknown member."""
    place: Path = tuple(error.instance_path)
    match error.kind:
        case Kind.Required(property=name):
            yield Fault(readable((*place, name)), "is required")
        case Kind.AdditionalProperties(unexpected=names) | Kind.UnevaluatedProperties(unexpected=names):
            yield from (Fault(readable((*place, name)), UNKNOWN) for name in names)
        case Kind.PropertyNames(error=inner):
            yield Fault(readable((*place, str(inner.instance))), f"has a name that {sentence(inner)}")
        case Kind.AnyOf(context=branches) | Kind.OneOfNotValid(context=branches):
            yield from _union_faults(place, branches)
        case _:
            yield Fault(readable(place), sentence(error))


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; None if none is similar."""
    if len(name) > LONGEST_GUESS:
        return None
    return next(iter(get_close_matches(name, known, 1)), None)


def _union_faults(place: Path, branches: Sequence[Sequence[ValidationError]]) -> set[Fault]:
    """The faults of a value that fits no alternative: those of the alternative that was meant, if its type and constant
    members show it; otherwise those that all alternatives share."""
    if len(branches) > MOST_BRANCHES:
        return {Fault(readable(place), "matches none of the possible forms")}
    of_type = [branch for branch in branches if not _is_other_type(branch, place)]
    meant = [branch for branch in of_type if not _is_other_kind(branch, place)]
    candidates = meant or of_type or branches
    common = set.intersection(*({f for e in branch for f in error_faults(e)} for branch in candidates))
    if common and not meant and all(_is_other_kind(branch, place) for branch in candidates):
        common.add(_options_fault(place, candidates))  # the member that selects the alternative is itself wrong
    return common or {_options_fault(place, candidates)}


def _is_other_type(branch: Iterable[ValidationError], place: Path) -> bool:
    return any(isinstance(e.kind, Kind.Type) and tuple(e.instance_path) == place for e in branch)


def _is_other_kind(branch: Iterable[ValidationError], place: Path) -> bool:
    return any(len(_expected(e)) == 1 and tuple(e.instance_path[:-1]) == place for e in branch)


def _expected(error: ValidationError) -> list[JsonValue]:
    """The constants that would be valid."""
    match error.kind:
        case Kind.Constant(expected_value=value):
            return [_plain(value)]
        case Kind.Enum(options=values):
            return [_plain(value) for value in values]
    return []


def _options_fault(place: Path, branches: Iterable[Iterable[ValidationError]]) -> Fault:
    wanted: dict[Path, list[JsonValue]] = {}
    types: list[str] = []
    for branch in branches:
        for error in branch:
            where = tuple(error.instance_path)
            if options := _expected(error):
                wanted.setdefault(where, []).extend(options)
            if isinstance(error.kind, Kind.Type) and where == place:
                types += error.kind.types
    if len(wanted) == 1 and not types:
        where, options = wanted.popitem()
        return Fault(readable(where), f"is not one of {listed(options)}")
    if types and not wanted:
        return Fault(readable(place), f"is not of type {' or '.join(dict.fromkeys(types))}")
    return Fault(readable(place), "matches none of the possible forms")


def _plain(value: object) -> JsonValue:
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(value)
