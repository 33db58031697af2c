"""The JSON Schema of a scenario, with which editors complete keys and mark mistakes."""

from __future__ import annotations

import json
from typing import Any

from cosim.scenario.model import Scenario
from cosim.simulator import engines

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scenario_schema() -> str:
    """Return the schema of scenarios for the engines that are installed, as JSON text."""
    schema = Scenario.model_json_schema(by_alias=True)
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    choices = []
    for name, engine in sorted(engines().items()):
        model = engine.config_model().model_json_schema(
            by_alias=True, ref_template="#/$defs/{model}"
        )
        definitions.update(model.pop("$defs", {}))
        model["properties"]["engine"] = {"const": name}
        key = f"model_{name}"
        definitions[key] = model
        choices.append({
            "if": {"properties": {"engine": {"const": name}}, "required": ["engine"]},
            "then": {"$ref": f"#/$defs/{key}"},
        })
    schema["properties"]["models"]["additionalProperties"] = {
        "type": "object",
        "required": ["engine"],
        "properties": {"engine": {"enum": sorted(engines())}},
        "allOf": choices,
    }
    return json.dumps({"$schema": DIALECT, **schema}, indent=2)
