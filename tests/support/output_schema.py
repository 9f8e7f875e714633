"""docs/output.schema.json: whether a document is as a definition in it says; a definition is compiled once."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema.validators import validator_for

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "output.schema.json").read_text())


def conform(value: Any, kind: str = "") -> None:
    """Raise jsonschema.ValidationError unless a value is of a kind, a name in `$defs`, or of any if none is given."""
    _validator(kind).validate(value)


@cache
def _validator(kind: str) -> Any:
    schema = (SCHEMA["$defs"][kind] if kind else {"anyOf": SCHEMA["anyOf"]}) | {"$defs": SCHEMA["$defs"]}
    made = validator_for(schema)
    made.check_schema(schema)
    return made(schema)
