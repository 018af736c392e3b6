"""Whether an answer is what a page shows."""

import re
from typing import Any

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_OWN = {"request_id"}  # another one each time


def differences(shown: Any, answer: Any, at: str = "") -> list[str]:  # Any: any JSON
    """Where an answer is other than shown. A page may leave out members; times only need to be times."""
    if isinstance(shown, dict) and isinstance(answer, dict):
        missing = [f"{at}/{name} is missing" for name in shown.keys() - answer.keys()]
        return missing + [
            line
            for name in shown.keys() & answer.keys() - _OWN
            for line in differences(shown[name], answer[name], f"{at}/{name}")
        ]
    if isinstance(shown, list) and isinstance(answer, list) and len(shown) == len(answer):
        return [
            line for n, pair in enumerate(zip(shown, answer, strict=True)) for line in differences(*pair, f"{at}/{n}")
        ]
    if isinstance(shown, str) and isinstance(answer, str) and _TIME.fullmatch(shown) and _TIME.fullmatch(answer):
        return []
    return [] if shown == answer else [f"{at} is {answer!r}, not {shown!r}"]
