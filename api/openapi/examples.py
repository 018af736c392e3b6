"""Examples by the name of the shape. For a shape without a name, `request:` or `answer:` and the operation.

Each feature has its own in `examples/<feature>.json`.
"""

from pathlib import Path

import msgspec

EXAMPLES: dict[str, object] = {
    name: example
    for file in sorted((Path(__file__).parent / "examples").glob("*.json"))
    for name, example in msgspec.json.decode(file.read_bytes(), type=dict[str, object]).items()
}
