"""Whatever becomes of a key of a scenario, the answer is a message or a plan, never a traceback."""

import copy
import re
import shutil
from pathlib import Path

import pytest
import yaml
from bad.cases import GOOD, OVERLAY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cosim.cli.checking import checked
from cosim.errors import ScenarioInvalid, UsageError

DEMO = Path(__file__).parents[2] / "configs" / "demo.yaml"
JUNK = (
    None, True, False, 0, 1, -1, 2**63, 0.5, -0.0, 1e300, float("nan"), float("inf"), "", " ",
    "junk", "rest", "*", "[", "auto", "all", "default", "1", "1 ms", "-1 ms", "0 ms", "0.01 ms",
    "1e300 ms", "1e-300 ms", "1e300 m/s", "1e-300 m/s", "1 Hz", "1 nS", "nan ms", "every 0th",
    "../..", "a\x00b", "\u2028", [], [None], [[]], [1, 2], ["cortex"], {}, {"name": None},
    {"junk": 1}, {"junk": {"junk": []}}, {"name": "poisson", "parameters": {}},
)
LINE = re.compile(r"(.*s\.yaml:\d+|.*overlay\.yaml:\d+): .+")


def places(value, path=()):
    """Yield the path of every key and item."""
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield (*path, key)
        yield from places(inner, (*path, key))


def corrupted(data, path, how, junk):
    data = copy.deepcopy(data)
    parent = data
    for key in path[:-1]:
        parent = parent[key]
    if how == "delete":
        del parent[path[-1]]
    elif how == "rename" and isinstance(parent, dict):
        parent[f"{path[-1]}s"] = parent.pop(path[-1])
    else:
        parent[path[-1]] = junk
    return data


def answered(path):
    """Return whether the scenario can be planned, or is refused with lines of its files."""
    try:
        _, plan = checked(path, {}, None)
    except ScenarioInvalid as error:
        return len(error.lines) > 0 and all(LINE.fullmatch(line) for line in error.lines)
    except UsageError as error:
        return str(error) != ""
    return plan.ranks >= 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corrupt")
    shutil.copy(OVERLAY, folder)
    return folder


@pytest.mark.parametrize("file", [DEMO, GOOD], ids=["demo", "good"])
def test_a_corrupted_scenario_gives_a_message_or_a_plan(folder, file):
    whole = yaml.safe_load(file.read_text(encoding="utf-8"))

    @settings(
        max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    @given(
        st.sampled_from(sorted(places(whole), key=str)),
        st.sampled_from(["delete", "rename", "replace", "replace", "replace"]),
        st.sampled_from(JUNK),
    )
    def check(path, how, junk):
        text = yaml.safe_dump(corrupted(whole, path, how, junk), sort_keys=False)
        (folder / "s.yaml").write_text(text, encoding="utf-8")
        assert answered(folder / "s.yaml")

    check()
