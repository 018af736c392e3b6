"""The validating engine's errors as plain sentences. They never repeat a large value."""

from collections.abc import Iterable

import msgspec
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from api.lib.formats import SENTENCES

_LONGEST = 80


def shortened(text: str, longest: int = _LONGEST) -> str:
    """The text, shortened to 80 characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def listed(options: Iterable[object], longest: int = _LONGEST) -> str:
    """JSON values with commas between them, shortened."""
    return shortened(", ".join(dict.fromkeys(msgspec.json.encode(option).decode() for option in options)), longest)


def sentence(error: ValidationError) -> str:
    """The fault, as the end of a sentence that begins with the place."""
    kind = error.kind
    return _of_number(kind) or _of_size(kind) or _of_value(kind) or f"violates the rule `{kind.name}`"


def _of_value(kind: Kind) -> str | None:
    match kind:
        case Kind.Type(types=types):
            return f"is not of type {' or '.join(types)}"
        case Kind.Enum(options=options):
            return f"is not one of {listed(options, longest=600)}"
        case Kind.Constant(expected_value=value):
            return f"is not {listed([value])}"
        case Kind.Format(format=name) if name in SENTENCES:
            return SENTENCES[name]
        case Kind.Format(format=name):
            return f"is not a valid {shortened(name)}"
        case Kind.Pattern(pattern=pattern):
            return f"does not match the pattern {shortened(pattern)}"
        case Kind.OneOfMultipleValid():
            return "matches more than one of the forms, and only one is allowed"
        case Kind.FalseSchema():
            return "is not permitted here"
        case Kind.Not():
            return "matches a form that is not allowed here"
    return None


def _of_number(kind: Kind) -> str | None:
    match kind:
        case Kind.Minimum(limit=limit):
            return f"is less than {limit}"
        case Kind.Maximum(limit=limit):
            return f"is more than {limit}"
        case Kind.ExclusiveMinimum(limit=limit):
            return f"is not more than {limit}"
        case Kind.ExclusiveMaximum(limit=limit):
            return f"is not less than {limit}"
        case Kind.MultipleOf(multiple_of=factor):
            return f"is not a multiple of {factor}"
    return None


def _of_size(kind: Kind) -> str | None:
    match kind:
        case Kind.MinLength(limit=limit):
            return f"is shorter than {limit} characters"
        case Kind.MaxLength(limit=limit):
            return f"is longer than {limit} characters"
        case Kind.MinItems(limit=limit):
            return f"has fewer than {limit} items"
        case Kind.MaxItems(limit=limit):
            return f"has more than {limit} items"
        case Kind.AdditionalItems() | Kind.UnevaluatedItems():
            return "has more items than are possible here"
        case Kind.MinProperties(limit=limit):
            return f"has fewer than {limit} members"
        case Kind.MaxProperties(limit=limit):
            return f"has more than {limit} members"
        case Kind.UniqueItems():
            return "has an item twice"
        case Kind.Contains():
            return "lacks an item that it must have"
    return None
