"""The JSON Schema says of a scenario what an editor needs."""

import json
import sys
from functools import cache
from pathlib import Path

import pytest
from bad.cases import BORDERS, GOOD, KEYS, NEST, TVB, edited
from jsonschema import Draft202012Validator

from cosim.cli import main
from cosim.scenario import yaml_source
from cosim.scenario.model import Scenario
from cosim.scenario.schema import documented, scenario_schema

CONFIGS = Path(__file__).parents[2] / "configs"


@cache
def validator():
    return Draft202012Validator(json.loads(scenario_schema()))


def data(text):
    source = yaml_source.read(text, "s.yaml")
    assert source.problems == []
    return source.data


def complaints(text):
    return [f"{e.json_path}: {e.message}" for e in validator().iter_errors(data(text))]


def good_with(old, new):
    text = GOOD.read_text(encoding="utf-8")
    assert text.count(old) == 1
    return text.replace(old, new)


def test_it_is_a_schema():
    Draft202012Validator.check_schema(validator().schema)


@pytest.mark.parametrize(
    "path", [GOOD, *sorted(CONFIGS.glob("*.yaml"))], ids=lambda path: path.name
)
def test_scenarios_are_valid(path):
    assert complaints(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("case", KEYS, ids=lambda case: case.name)
def test_missing_and_misspelt_keys_are_marked(case):
    text, _ = edited(GOOD.read_text(encoding="utf-8"), case)
    assert complaints(text) != []


NAMES = {
    "transformer", "transformer of the other way", "kernel", "parameter of a transformer",
    "correlation", "no correlation", "builder", "parameter of a builder", "engine", "field model",
    "coupling", "parameter of the coupling", "integrator", "parameter of the integrator",
    "monitor", "parameter of a monitor", "threads", "size",
}


@pytest.mark.parametrize(
    "case", [c for c in (*BORDERS, *NEST, *TVB) if c.name in NAMES], ids=lambda case: case.name
)
def test_names_that_do_not_exist_are_marked(case):
    text, _ = edited(GOOD.read_text(encoding="utf-8"), case)
    assert complaints(text) != []


def test_all_those_names_are_tried():
    assert {c.name for c in (*BORDERS, *NEST, *TVB)} >= NAMES


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("through: poisson", "through: {poisson: {trains: 4}}"),
        ("through: poisson", "through: rates"),
        ("coupling: {Linear: {a: 0.03}}", "coupling: Linear"),
        ("coupling: {Linear: {a: 0.03}}", "coupling: {Linear: }"),
        ("      - Bold: {period: 2 s}", "      - Raw"),
        ("rule: {fixed_indegree: {indegree: 8}}", "rule: all_to_all"),
        ("to: [pyramidal, basket]\n          rule", "to: basket\n          rule"),
        ("match: [rV2]", "match: rV2"),
        ("overlay: overlay.yaml", "overlay: {remove: [rV2]}"),
        ("weights: scaled_by_maximum", "weights: 0.5"),
        ("window: 1 ms", "window: auto"),
        ("spikes: {built: {excitatory: all, inhibitory: every 10th}}", "spikes: none"),
        ("unit: kHz}", "unit: Hz}"),
    ],
)
def test_every_way_to_write_a_thing_is_valid(old, new):
    assert complaints(good_with(old, new)) == []


def properties(schema):
    """Yield every property of every mapping in a schema."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "properties" and isinstance(value, dict):
                yield from ((name, p) for name, p in value.items() if isinstance(p, dict))
            yield from properties(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from properties(value)


def test_defaults_are_what_one_may_write():
    schema = validator().schema
    checked = 0
    for name, entry in properties(schema):
        if entry.get("default") is not None:
            found = validator().evolve(schema={**entry, "$defs": schema["$defs"]})
            assert list(found.iter_errors(entry["default"])) == [], (name, entry)
            checked += 1
    assert checked > 20


def test_keys_are_described_in_the_words_of_the_docstrings():
    summary, about = documented(Scenario)
    assert summary == "A whole scenario."
    assert about["seed"] == "Of all random numbers."
    assert about["regions"] == about["models"] != ""
    schema = validator().schema
    assert schema["$defs"]["scenario"]["properties"]["seed"]["description"] == about["seed"]
    receives = schema["$defs"]["nest.NestReceives"]["properties"]
    assert receives["from"]["description"] == "The models that it comes from."


@pytest.mark.parametrize("target", [None, "scenario.schema.json"])
def test_the_command_writes_it(target, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    options = ["--output", target] if target else []
    monkeypatch.setattr(sys, "argv", ["cosim", "schema", *options])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    written = Path(target).read_text(encoding="utf-8") if target else capsys.readouterr().out
    assert json.loads(written) == validator().schema
