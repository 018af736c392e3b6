"""Lines of requests before an `Admission` of their own, with no application around it."""

from functools import partial
from typing import Any

from api.errors import GuildhallError, TooManyRequests
from api.http.admission import Admission


def scope(path: str = "/v1/guilds") -> Any:  # Any: no more of a scope than is looked at
    return {"path": path}


def line(whose: list[str], spent: set[str], crowded: set[str] = frozenset()) -> tuple[Admission, list[str]]:  # type: ignore[assignment] # never changed
    """Requests of these people, in this order; who has begun, `-` before who was refused."""
    begun: list[str] = []
    made = Admission(
        lambda scope: scope["whose"] in spent,  # type: ignore[typeddict-item] # ours
        lambda scope: TooManyRequests() if scope["whose"] in crowded else None,  # type: ignore[typeddict-item] # ours
        lambda scope: str(scope["whose"]),  # type: ignore[typeddict-item] # ours
    )

    def begin(name: str, refusal: GuildhallError | None) -> None:
        begun.append(name if refusal is None else f"-{name}")

    for name in whose:
        asked: Any = {**scope(), "whose": name}  # Any: the same
        if made.begins_at_once(asked):
            begun.append(name)
        else:
            assert made.wait(asked, partial(begin, name))
    return made, begun
