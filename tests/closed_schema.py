"""The subset of JSON Schema that the schemas of this project use, so that no dependency is needed."""

from __future__ import annotations

import re
from typing import Any

TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool,
    "null": type(None),
}  # fmt: skip


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "$") -> list[str]:
    """What of ``value`` breaks ``schema``, one sentence each."""
    if "$ref" in schema:
        return violations(value, root["$defs"][schema["$ref"].rsplit("/", 1)[1]], root, where)
    if "anyOf" in schema:
        tried = [violations(value, option, root, where) for option in schema["anyOf"]]
        return [] if any(not t for t in tried) else min(tried, key=len)
    if "type" in schema:
        wanted = schema["type"]
        if not isinstance(value, TYPES[wanted]) or isinstance(value, bool) != (wanted == "boolean"):
            return [f"{where}: {type(value).__name__} instead of {wanted}"]
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} instead of {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where}: does not match {schema['pattern']}")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{where}: {value} below {schema['minimum']}")
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            found.append(f"{where}: too few items")
        for i, item in enumerate(value):
            found += violations(item, schema["items"], root, f"{where}[{i}]")
    if isinstance(value, dict):
        known, other = schema.get("properties", {}), schema["additionalProperties"]
        found += [f"{where}: {key} is missing" for key in schema.get("required", ()) if key not in value]
        for key, item in value.items():
            if key not in known and other is False:
                found.append(f"{where}: {key} is not allowed")
            else:
                found += violations(item, known.get(key, other), root, f"{where}.{key}")
    return found
