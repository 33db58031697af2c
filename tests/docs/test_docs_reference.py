"""The reference says what there is: every key, option and name, and nothing else."""

import json
from importlib.metadata import entry_points

import docs_pages
import pytest
import typer

from cosim.cli.main import app
from cosim.scenario.model import ModelConfig
from cosim.scenario.schema import scenario_schema
from cosim.transformers.base import transformers
from cosim.units import UNITS
from cosim_nest.builders import builder
from cosim_tvb.facts import facts

ENGINES = ("nest", "tvb")


def merge(found, place, keys):
    """Join the keys of a place that is one of several sections: all need what each needs."""
    old = found.get(place)
    if not keys or not old:
        found.setdefault(place, {}).update(keys)
        return
    both = {k: (old[k][0] and keys[k][0], old[k][1]) for k in old.keys() & keys.keys()}
    one = {k: (False, v[1]) for k, v in (old | keys).items() if k not in both}
    found[place] = both | one


def walk(schema, definitions, place, found):
    """Collect, for each place of the schema, its keys with (required, default).

    What stands below a name that is chosen belongs to the thing of that name.
    """
    if schema.get("maxProperties") == 1:
        return
    if "$ref" in schema:
        walk(definitions[schema["$ref"].rpartition("/")[2]], definitions, place, found)
    for member in schema.get("anyOf", ()):
        walk(member, definitions, place, found)
    if "items" in schema:
        walk(schema["items"], definitions, f"{place}[]", found)
    if isinstance(schema.get("additionalProperties"), dict):
        walk(schema["additionalProperties"], definitions, f"{place}.*", found)
    properties = schema.get("properties", {})
    required = schema.get("required", ())
    merge(found, place, {k: (k in required, v.get("default")) for k, v in properties.items()})
    for key, inner in properties.items():
        walk(inner, definitions, f"{place}.{key}".lstrip("."), found)


def keys_of(model, place):
    schema = model.model_json_schema(by_alias=True)
    found = {}
    walk(schema, schema.get("$defs", {}), place, found)
    return {p: keys for p, keys in found.items() if keys or p == place}


def schema_keys():
    """Return the keys of scenarios by place; those of an engine under the engine's name."""
    schema = json.loads(scenario_schema())
    definitions = schema["$defs"]
    whole = definitions["scenario"]
    models = whole["properties"].pop("models")
    found = {}
    walk(whole, definitions, "", found)
    found[""]["models"] = ("models" in whole["required"], models.get("default"))
    common = keys_of(ModelConfig, "models.*")
    found |= common
    for engine in ENGINES:
        own = {}
        walk(definitions[f"model_{engine}"], definitions, engine, own)
        for place, keys in own.items():
            shared = common.get(place.replace(engine, "models.*", 1), {})
            found[place] = {k: v for k, v in keys.items() if k not in shared}
    # A builder's parameters stand beside its name, and are described with the builder.
    for name in shipped("cosim_nest.builders"):
        for place, keys in keys_of(builder(name).Parameters, "nest.network").items():
            for key in keys:
                found[place].pop(key, None)
    return {place: keys for place, keys in found.items() if keys}


def documented():
    found = {}
    for page in docs_pages.PAGES:
        for place, rows in docs_pages.tables(page):
            place = "" if place == "." else place
            assert place not in found, f"{place} is documented twice"
            found[place] = {row.key: row.default for row in rows}
    return found


def scenario_places(places):
    return {p: k for p, k in places.items() if not p.startswith(("through ", "builder "))}


def same_default(written, default):
    """Tell whether a default as written stands for that of the schema."""
    if default in (None, [], {}):
        return written in ("none", "either")
    if isinstance(default, bool):
        return written == str(default).lower()
    if isinstance(default, int | float):
        return float(written.split()[0]) == default
    if isinstance(default, list):
        words = [w.strip() for w in written.strip("[]").split(",")]
        return len(words) == len(default) and all(map(same_default, words, default))
    if isinstance(default, dict):
        return written in (default.get("name"), "as below")
    return written == default


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for place, keys in expected.items():
        assert found[place].keys() == keys.keys(), place
        for key, (required, default) in keys.items():
            written = found[place][key]
            assert (written == "required") == required, f"{place}.{key}: {written}"
            assert required or same_default(written, default), f"{place}.{key}: {written}"


def test_every_key_of_a_scenario_is_documented_with_its_default():
    assert_same(scenario_places(documented()), schema_keys())


def test_a_missing_key_would_be_seen():
    found = scenario_places(documented())
    found["brain"] = {k: v for k, v in found["brain"].items() if k != "weights"}
    with pytest.raises(AssertionError):
        assert_same(found, schema_keys())


def shipped(group):
    return [e.name for e in entry_points(group=group) if e.dist.name == "cosim-brain"]


def test_every_transformer_is_documented_with_its_parameters():
    found = {p: k for p, k in documented().items() if p.startswith("through ")}
    expected = {}
    for name in shipped("cosim.transformers"):
        expected |= keys_of(transformers()[name].Parameters, f"through {name}")
    assert_same(found, expected)


def test_every_builder_is_documented_with_its_parameters():
    found = {p: k for p, k in documented().items() if p.startswith("builder ")}
    expected = {}
    for name in shipped("cosim_nest.builders"):
        expected |= keys_of(builder(name).Parameters, f"builder {name}")
    assert_same(found, expected)


@pytest.mark.parametrize("kind", ["models", "couplings", "integrators", "monitors", "hrf_kernels"])
def test_everything_of_tvb_is_mentioned(kind):
    text = (docs_pages.DOCS / "engines.md").read_text()
    for name in getattr(facts(), kind):
        assert f"`{name}`" in text, name


def test_every_model_that_comes_with_cosim_is_mentioned():
    text = (docs_pages.DOCS / "engines.md").read_text()
    for name in shipped("cosim_tvb.models"):
        assert f"`{name}`" in text, name


def test_every_unit_is_documented():
    text = (docs_pages.DOCS / "scenario.md").read_text()
    for units in UNITS.values():
        for unit in units:
            assert f"`{unit}`" in text, unit


def test_every_command_and_option_is_documented():
    text = (docs_pages.DOCS / "running.md").read_text()
    for name, command in typer.main.get_command(app).commands.items():
        assert f"`cosim {name}" in text, name
        for parameter in command.params:
            for option in (*parameter.opts, *parameter.secondary_opts):
                if option.startswith("-"):
                    assert f"`{option}" in text or f" {option}`" in text, f"{name} {option}"
