"""What can be drawn as one emoji."""

import re

# The blocks of symbols that emoji stand in; a few of these are no emoji, and are drawn as what they are.
_BASE = (
    "[\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe\u2600-\u27bf\u2934\u2935"
    "\u2b05-\u2b55\u3030\u303d\u3297\u3299\U0001f004\U0001f0cf\U0001f170-\U0001f19a\U0001f201-\U0001f251"
    "\U0001f300-\U0001f3fa\U0001f400-\U0001faff]"
)
_SKIN = "[\U0001f3fb-\U0001f3ff]"
_PART = f"{_BASE}{_SKIN}?\ufe0f?"
_TAGS = "(?:[\U000e0020-\U000e007e]+\U000e007f)?"  # of England, Scotland, Wales
_FLAG = "[\U0001f1e6-\U0001f1ff]{2}"
_KEYCAP = "[0-9#*]\ufe0f?\u20e3"
_emoji = re.compile(f"{_FLAG}|{_KEYCAP}|{_PART}{_TAGS}(?:\u200d{_PART})*").fullmatch


def is_emoji(text: str) -> bool:
    """Whether the text is one emoji and nothing else."""
    return _emoji(text) is not None
