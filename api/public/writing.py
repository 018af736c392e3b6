"""Numbers, days and stats as a language writes them. The catalog of the language has its separator and its order."""

from datetime import datetime

from api.lib.languages import Language


class Written:
    """What templates need, in one language."""

    def __init__(self, language: Language) -> None:
        text = language.text
        self._language = language
        self._separator = text("1,234")[1]
        self._stats = {
            "xp": text("XP"),
            "messages": text("Messages"),
            "voice_seconds": text("Voice time"),
            "reactions": text("Reactions"),
            "commands": text("Commands"),
        }
        self._months = (
            text("January"),
            text("February"),
            text("March"),
            text("April"),
            text("May (month)").removesuffix(" (month)"),
            text("June"),
            text("July"),
            text("August"),
            text("September"),
            text("October"),
            text("November"),
            text("December"),
        )

    def number(self, value: int) -> str:
        return f"{value:,}".replace(",", self._separator)

    def count(self, one: str, many: str, count: int) -> str:
        return self._language.count(one, many, count, count=self.number(count))

    def amount(self, value: int, stat: str) -> str:
        """A number of a stat, with what it counts."""
        text = self._language.text
        if stat == "voice_seconds":
            hours, minutes = divmod(value // 60, 60)
            if hours:
                return text("{hours} h {minutes} min", hours=self.number(hours), minutes=minutes)
            return text("{minutes} min", minutes=minutes)
        return text("{xp} XP", xp=self.number(value)) if stat == "xp" else self.number(value)

    def stat(self, name: str) -> str:
        return self._stats.get(name) or name.replace("_", " ").capitalize()

    def day(self, at: datetime) -> str:
        return self._language.text("{day} {month} {year}", day=at.day, month=self._months[at.month - 1], year=at.year)
