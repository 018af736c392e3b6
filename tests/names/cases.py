"""Names as people and bots send them."""

BAD = {  # and what is left of it
    "blank": (" ", ""),
    "blanks of all kinds": ("\u2003\u00a0\u3000 ", ""),
    "zero width": ("\u200b\u200d\ufeff", ""),
    "marks of direction alone": ("\u200e\u200f", ""),
    "fillers": ("\u3164\u115f\u2800", ""),
    "variation selectors": ("\ufe0f\U000e0100", ""),
    "tags": ("\U000e0067\U000e007f", ""),
    "control": ("a\x00b", "ab"),
    "delete": ("a\x7f", "a"),
    "next line": ("a\x85b", "ab"),
    "line break": (" a\nb ", "ab"),
    "line separator": ("a\u2028b", "ab"),
    "override": ("\u202egnp.exe", "gnp.exe"),
    "embedding": ("a\u202ab\u202c", "ab"),
    "isolate": ("\u2066a\u2069", "a"),
    "nothing but overrides": ("\u202d\u2067", ""),
}

GOOD = {
    "plain": "Harbour",
    "family": "👨\u200d👩\u200d👧",
    "flag of tags": "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
    "heart": "❤\ufe0f",
    "Hebrew with a mark": "שלום!\u200f",
    "Arabic with a mark": "مرحبا\u200e 2",
    "Persian": "می\u200cخواهم",  # noqa: RUF001
    "Hindi": "क्\u200dष",
    "blanks within": "a  b",
    "one letter": "x",
    "soft hyphen": "a\u00adb",
}
