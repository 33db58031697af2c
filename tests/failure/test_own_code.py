"""Code of the user's own runs if the command line allows it, and only then."""

import json
import pickle
import subprocess
import sys

import pytest
import toy_cases
import toy_jobs
from typer.testing import CliRunner

from cosim import own_code
from cosim.cli.checking import checked
from cosim.cli.main import app
from cosim.errors import ScenarioInvalid, UsageError

REGIONS = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
TWICE = """
from pathlib import Path

from cosim.messages import Signal
from cosim.own_code import provides
from cosim.transformers.spikes_to_rates import SpikesToRates

Path("ran").touch()


@provides("cosim.transformers", "twice")
class Twice(SpikesToRates):
    def convert(self, block, window):
        out = super().convert(block, window)
        return Signal(out.start, out.step, FACTOR * out.values)


FACTOR = 2
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    """Let this process be one that was allowed nothing yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(own_code, "_parts", {})
    monkeypatch.setattr(own_code, "_allowed", [])
    with toy_cases.installed():
        yield
    sys.modules.pop(own_code.MODULE, None)


def write(folder, through="twice"):
    toy_cases.random_brain(folder / "brain.zip", 3, seed=2, shortest_ms=1, longest_ms=2, density=1)
    path = toy_cases.scenario(folder, REGIONS, record={"tapes": True, "border": True})
    data = json.loads(path.read_text())
    parameters = {"kernel": "exponential", "tau": "5 ms"}
    data["models"]["spiking"]["sends"][0]["through"] = {through: parameters}
    path.write_text(json.dumps(data))
    (folder / "my parts.py").write_text(TWICE)


def cosim(folder, *arguments):
    argv = (*toy_cases.program(), *arguments)
    return toy_jobs.run_job(argv, folder, limit_s=120, **dict(toy_jobs.mpirun(1, ())[1]))


ALLOW = ("--allow-code", "my parts.py")
QUIET = ("--no-picture", "-q")


@pytest.mark.parametrize("name", ["my parts.py", "./my parts", "my_parts:Twice"])
def test_a_scenario_runs_no_code_and_says_what_allows_it(tmp_path, name):
    write(tmp_path, through=name)
    with pytest.raises(ScenarioInvalid, match=r"a scenario runs no code; .*--allow-code FILE"):
        checked(tmp_path / "toy.yaml", {}, None)
    assert not (tmp_path / "ran").exists()


def test_a_name_is_known_only_if_its_file_is_allowed(tmp_path):
    write(tmp_path)
    with pytest.raises(ScenarioInvalid, match="there is no transformer 'twice'"):
        checked(tmp_path / "toy.yaml", {}, None)
    assert not (tmp_path / "ran").exists()
    with toy_cases.installed():
        done = CliRunner().invoke(app, ["check", "toy.yaml", *ALLOW])
        assert done.exit_code == 0, done.output
        done = CliRunner().invoke(app, ["plan", "toy.yaml", *ALLOW])
        assert f"--allow-code '{tmp_path / 'my parts.py'}'" in done.output, done.output


def test_ranks_the_twin_and_a_replay_run_the_same_code(tmp_path):
    write(tmp_path)
    ended = cosim(tmp_path, "run", "toy.yaml", "--run-dir", "ranks", *QUIET, *ALLOW)
    assert ended.code == 0, ended.err
    ended = cosim(tmp_path, "run", "toy.yaml", "--serial", "--run-dir", "one", *QUIET, *ALLOW)
    assert ended.code == 0, ended.err
    found = [toy_cases.recorded(tmp_path / name)[1] for name in ("ranks", "one")]
    assert toy_cases.differences(*found) == []
    values = found[0]["border/R0.all.to.field/rate"][1]
    assert (values > 0).any()
    assert cosim(tmp_path, "replay", "one", "--only", "R0", *ALLOW, "-q").code == 0


def test_a_run_goes_on_with_the_code_that_it_began_with(tmp_path):
    write(tmp_path)
    begin = ("run", "toy.yaml", "--serial", "--run-dir", "run", *QUIET, *ALLOW)
    assert cosim(tmp_path, *begin).code == 0
    further = ("resume", "run", "--duration", "25 ms", "--serial", *QUIET)
    for command in (further, ("replay", "run", "--only", "R0", "-q")):
        ended = cosim(tmp_path, *command)
        assert ended.code == 2
        assert f"--allow-code '{tmp_path / 'my parts.py'}'; the same is needed again" in ended.err
    code = tmp_path / "my parts.py"
    code.write_text(TWICE.replace("FACTOR = 2", "FACTOR = 3"))
    ended = cosim(tmp_path, *further, *ALLOW)
    assert ended.code == 2
    assert "is not the code that the run in run began with" in ended.err
    # To try changed code is what a replay of a changed scenario is for.
    tried = cosim(tmp_path, "replay", "run", "--only", "R0", "--scenario", "toy.yaml", *ALLOW, "-q")
    assert tried.code == 1
    assert "differ, first in window" in tried.out
    code.write_text(TWICE)
    assert cosim(tmp_path, *further, *ALLOW).code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ny = x / 0\n", r"mine\.py:2: ZeroDivisionError: division by zero"),
        ("x = (\n", r"mine\.py:1: SyntaxError"),
        ("x = 1\n", "it provides nothing; decorate"),
        ("from cosim.own_code import provides\nprovides('cosim.transformer', 'a')(1)\n",
         r"mine\.py:2: there is no group 'cosim\.transformer'; expected one of .*cosim_nest\.bui"),
        ("from cosim.own_code import provides\nprovides('cosim.simulators', 'a')(1)\n",
         "there is no group 'cosim.simulators'"),
        ("from cosim.own_code import provides\nprovides('cosim.transformers', 'rate')(1)\n",
         "there is a 'rate' in cosim.transformers already"),
    ],
)
def test_a_file_that_is_no_good_is_told_with_its_line(tmp_path, text, said):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        own_code.allow(path)


def test_one_file_is_allowed_and_it_must_be_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        own_code.allow(tmp_path / "mine.py")
    write(tmp_path)
    first = own_code.allow(tmp_path / "my parts.py")
    assert own_code.allow(tmp_path / "my parts.py") == first
    (tmp_path / "other.py").write_text(TWICE)
    with pytest.raises(UsageError, match="is allowed already; one is enough"):
        own_code.allow(tmp_path / "other.py")


def test_a_process_that_receives_it_runs_it_before_what_follows(tmp_path):
    """As that of a second NEST beside a serial run, whose configuration may be of its classes."""
    write(tmp_path)
    own_code.allow(tmp_path / "my parts.py")
    code = (
        "import pickle, sys; code, kind = pickle.loads(sys.stdin.buffer.read()); "
        "from cosim.transformers.base import transformers; assert transformers()['twice'] is kind"
    )
    kind = own_code.providers("cosim.transformers")["twice"].load()
    data = pickle.dumps((own_code.allowed(), kind))
    subprocess.run([sys.executable, "-c", code], input=data, check=True, timeout=60)


LEAKY = """
from cosim.own_code import provides
from tvb.simulator.models.linear import Linear


@provides("cosim_tvb.models", "Leaky")
class Leaky(Linear):
    pass
"""


def test_a_mean_field_model_may_be_in_the_file(tmp_path):
    write(tmp_path)
    (tmp_path / "my parts.py").write_text(LEAKY)
    model = {
        "engine": "tvb", "model": "Leaky", "coupling": {"Linear": {"a": 0.1}},
        "integrator": {"HeunDeterministic": {"dt": "0.1 ms"}}, "initial": {"x": [0.0, 1.0]},
        "monitors": ["Raw"],
    }
    (tmp_path / "leaky.yaml").write_text(json.dumps({
        "name": "leaky", "seed": 1, "duration": "5 ms",
        "brain": {"connectome": "brain.zip", "conduction_speed": "1 m/s"},
        "regions": [{"match": "rest", "as": "leaky"}], "models": {"leaky": model},
    }))
    run = ("run", "leaky.yaml", "--serial", "--run-dir", "run", *QUIET)
    assert "Leaky" in cosim(tmp_path, *run).err
    ended = cosim(tmp_path, *run, *ALLOW)
    assert ended.code == 0, ended.err
    assert toy_cases.recorded(tmp_path / "run")[0] == "complete"
