"""What make runs, with a recorder in the place of the commands that it calls."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cosim.scenario.load import load

ROOT = Path(__file__).parents[2]
COMMAND = """#!/bin/sh
echo "$(basename "$0") $*" >> {log}
[ "$1" != build-models ] || exit {code}
"""


@pytest.fixture
def make(tmp_path):
    if shutil.which("make") is None:
        pytest.skip("optional: make is not installed")
    log = tmp_path / "log"

    def run(target, code):
        for name in ("cosim", "python"):
            script = tmp_path / name
            script.write_text(COMMAND.format(log=log, code=code))
            script.chmod(0o755)
        done = subprocess.run(
            ["make", target, "READY=", f"BIN={tmp_path}"], cwd=ROOT, capture_output=True,
            text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return log.read_text().splitlines(), done.stdout

    return run


def test_the_demonstration_is_the_hybrid_once_its_neuron_is_compiled(make):
    ran, said = make("demo", 0)
    assert ran == ["cosim build-models", "cosim run configs/cerebellum_hybrid.yaml"]
    assert "stand-in" not in said


def test_without_a_compiler_the_demonstration_says_so_and_runs_a_stand_in(make):
    ran, said = make("demo", 2)
    assert ran == ["cosim build-models", "cosim run configs/cerebellum_hybrid_stand_in.yaml"]
    assert "a stand-in takes its place" in said
    assert "slower" in said


@pytest.mark.parametrize("code", [0, 2])
def test_the_tests_run_with_and_without_the_neuron(make, code):
    ran, said = make("test", code)
    assert ran == ["cosim build-models", "python -m pytest -q -n 2 --dist loadgroup"]
    assert ("skipped" in said) == bool(code)


def test_the_stand_in_differs_from_the_hybrid_in_its_neuron_alone():
    hybrid, stand_in = (
        json.loads(load(ROOT / "configs" / f"cerebellum_hybrid{end}.yaml").resolved())
        for end in ("", "_stand_in")
    )
    networks = [case["models"]["spiking_cerebellum"]["network"] for case in (hybrid, stand_in)]
    assert [n["parameters"].pop("neuron") for n in networks] == ["eglif", "stand_in"]
    assert hybrid.pop("name") != stand_in.pop("name")
    assert hybrid == stand_in
