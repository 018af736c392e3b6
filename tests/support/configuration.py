"""The table of variables in docs/configuration.md. `python -m tests.support.configuration` writes it."""

from pathlib import Path

import msgspec

from api.config import Settings, variable

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
BEGIN, END = "<!-- configuration -->\n", "<!-- /configuration -->"


def table() -> str:
    """Every setting as a row of Markdown, in the order of the struct."""
    info = msgspec.inspect.type_info(Settings)
    assert isinstance(info, msgspec.inspect.StructType)
    rows = ["| variable | default | what |", "|---|---|---|"]
    for field in info.fields:
        assert isinstance(field.type, msgspec.inspect.Metadata), f"{field.name} has no description"
        what = (field.type.extra_json_schema or {})["description"]
        rows.append(f"| `{variable(field.name)}` | {_default(field.default)} | {what} |")
    return "\n".join(rows) + "\n"


def _default(value: object) -> str:
    if value is None or value == "":
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def main() -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}{table()}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
