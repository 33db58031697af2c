"""The JSON Schema of a scenario, with which editors complete keys and mark mistakes."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from cosim.scenario.checks import RATES
from cosim.scenario.fields import Named
from cosim.scenario.model import Scenario
from cosim.simulator import engines
from cosim.transformers.base import transformers

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def scenario_schema() -> str:
    """Return the schema of scenarios for the engines that are installed, as JSON text."""
    schema = Scenario.model_json_schema(by_alias=True, schema_generator=_Generator)
    definitions: dict[str, Any] = schema.setdefault("$defs", {})
    choices = []
    for name, engine in sorted(engines().items()):
        key = f"model_{name}"
        definitions[key] = model = _definition(engine.config_model(), name, definitions)
        model["properties"]["engine"] = {"const": name}
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
    into = _through(definitions, ("rates_to_spikes", "spikes_to_spikes"), (RATES,))
    out = _through(definitions, ("spikes_to_rates",), ())
    for definition in definitions.values():
        properties = definition.get("properties", {})
        if "through" in properties:
            properties["through"] |= {"$ref": into if "from" in properties else out}
    return json.dumps({"$schema": DIALECT, **_or_with_base(schema)}, indent=2)


def _or_with_base(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with its other form: a scenario leaves out what its base says."""
    definitions = schema.pop("$defs")
    whole = {"scenario": schema, **definitions}
    parts = {f"part.{name}": _partial(definition) for name, definition in whole.items()}
    return {
        "title": schema["title"],
        "$defs": {**whole, **parts},
        "if": {"type": "object", "required": ["base"]},
        "then": {"$ref": "#/$defs/part.scenario"},
        "else": {"$ref": "#/$defs/scenario"},
    }


def _partial(node: Any) -> Any:  # noqa: ANN401 - JSON
    """Return a schema of which any key may be missing; items of lists stay whole."""
    if isinstance(node, list):
        return [_partial(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {"if", "items", "prefixItems", "enum", "default", "examples"}
    result = {
        key: value if key in kept else _partial(value)
        for key, value in node.items()
        if not (key == "required" and isinstance(value, list))
    }
    if isinstance(node.get("$ref"), str):
        result["$ref"] = node["$ref"].replace("#/$defs/", "#/$defs/part.")
    return result


def _definition(
    model: type[BaseModel], prefix: str, definitions: dict[str, Any]
) -> dict[str, Any]:
    """Return the schema of a class, and move those it refers to among the definitions."""
    schema = model.model_json_schema(
        by_alias=True, ref_template=f"#/$defs/{prefix}.{{model}}", schema_generator=_Generator
    )
    for name, definition in schema.pop("$defs", {}).items():
        definitions[f"{prefix}.{name}"] = definition
    return schema


def _through(
    definitions: dict[str, Any], directions: Collection[str], bare: Collection[str]
) -> str:
    """Define what a `through` may be, and return the reference."""
    legal = {n: t for n, t in sorted(transformers().items()) if t.direction in directions}
    named = {n: _definition(t.Parameters, n, definitions) for n, t in legal.items()}
    alone = [n for n, parameters in named.items() if not parameters.get("required")]
    key = f"through_{'_'.join(directions)}"
    definitions[key] = {
        "anyOf": [
            {"enum": [*alone, *bare]},
            {
                "type": "object", "properties": named, "additionalProperties": False,
                "minProperties": 1, "maxProperties": 1,
            },
        ]
    }
    return f"#/$defs/{key}"


class _Generator(GenerateJsonSchema):
    """Puts what docstrings say of a key beside the key, and defaults as users write them."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Describe a section and its keys by the docstring of its class."""
        result = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        summary, about = documented(model)
        if "properties" not in result:
            return result
        result["description"] = summary
        for name, info in model.model_fields.items():
            entry = result["properties"].get(info.alias or name)
            if entry is not None and name in about:
                entry["description"] = about[name]
            if entry is not None and "default" in entry:
                entry["default"] = _with_unit(entry["default"], entry)
        return result

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401 - as pydantic has it
        """Return a default as it would stand in YAML."""
        if isinstance(dft, Named):
            return {dft.name: dft.parameters} if dft.parameters else dft.name
        if not isinstance(dft, BaseModel):
            return super().encode_default(dft)
        model = type(dft)
        keys = model.model_json_schema(by_alias=True, schema_generator=_Generator)["properties"]
        written = {}
        for name, info in model.model_fields.items():
            key = info.alias or name
            written[key] = _with_unit(self.encode_default(getattr(dft, name)), keys[key])
        return written


def _with_unit(value: Any, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any default
    """Return a default with the units that the examples of its quantities have."""
    if isinstance(value, list):
        items = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        return [_with_unit(v, s) for v, s in zip(value, items, strict=False)]
    if isinstance(value, float) and schema.get("type") == "string":
        return f"{value:g} {schema['examples'][0].split()[-1]}"
    return value


def documented(model: type[BaseModel]) -> tuple[str, Mapping[str, str]]:
    """Return the summary of a class's docstring, and what it and its bases say of each field."""
    summary, about = "", dict[str, str]()
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel):
            text = inspect.cleandoc(kind.__doc__ or "")
            summary, _, rest = text.partition("\n\nParameters\n----------\n")
            about |= _entries(re.split(r"\n\n\w+\n---", rest)[0])
    return summary, about


def _entries(section: str) -> Iterator[tuple[str, str]]:
    for names, body in re.findall(r"^(\S.*)\n((?:    .*\n?|\n)+)", section, re.MULTILINE):
        for name in names.split(", "):
            yield name, " ".join(body.split())
