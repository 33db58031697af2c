"""One kernel a process: seeds, exclusiveness, and life under an MPI launcher."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from nest_pieces import MemoryRecorder, balanced, clock, config, joined, parrots, play, spec

from cosim_launch import Layout, find_mpirun, launch_command, local_cores
from cosim_nest import ENGINE
from cosim_nest.kernel import NestFailed, _hide_launcher

HERE = Path(__file__).parent
SPIKES = """
import json, sys
sys.path.insert(0, {here!r})
from nest_pieces import balanced, clock, config, joined, play, spec
def spikes(name, seed=5):
    cfg, when = config(balanced(60)), clock(5.0, 50.0)
    what = spec(cfg, when, outputs=["excitatory"], name=name, seed=seed)
    (batches,) = play(what).values()
    return joined(batches)
"""
ONE = SPIKES + "print(json.dumps(spikes(sys.argv[1])))\n"
RANKS = (
    """
from mpi4py import MPI
world = MPI.COMM_WORLD
"""
    + SPIKES
    + """
own = spikes(f"nest{{world.rank}}")
everyone = world.gather(own)
import nest
kernels = world.allreduce(nest.num_processes)
if world.rank == 0:
    print(json.dumps([kernels, everyone]))
"""
)


def printed(command, environ=None, timeout=120):
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=environ,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def spikes_here(name, seed=5):
    what = spec(
        config(balanced(60)), clock(5.0, 50.0), outputs=["excitatory"], name=name, seed=seed
    )
    (batches,) = play(what).values()
    return [list(pair) for pair in joined(batches)]


def test_equal_seed_and_name_give_equal_spikes_in_another_process():
    code = ONE.format(here=str(HERE))
    elsewhere = printed([sys.executable, "-c", code, "nest"])
    assert len(elsewhere) > 4
    assert elsewhere == spikes_here("nest")
    assert spikes_here("other") != elsewhere
    assert spikes_here("nest", seed=6) != elsewhere


def test_ranks_of_one_mpi_job_have_kernels_of_their_own():
    code = RANKS.format(here=str(HERE))
    layout = Layout(2, (1, 1), 1, local_cores())
    command = launch_command(find_mpirun(), layout, (sys.executable, "-c", code))
    kernels, (first, second) = printed(command.argv, {**os.environ, **command.env})
    assert kernels == 2
    assert first == spikes_here("nest0")
    assert second == spikes_here("nest1")
    assert first != second


def test_importing_nest_prints_nothing():
    code = "from cosim_nest.kernel import load; load()"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_launcher_is_hidden_only_once_mpi_runs(monkeypatch):
    class Mpi:
        initialised = False

        @classmethod
        def Is_initialized(cls):
            return cls.initialised

    monkeypatch.setenv("PMI_RANK", "1")
    monkeypatch.delitem(sys.modules, "mpi4py.MPI", raising=False)
    with pytest.raises(NestFailed, match="MPI is not yet initialised"):
        _hide_launcher()
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", Mpi)
    with pytest.raises(NestFailed, match="MPI is not yet initialised"):
        _hide_launcher()
    assert os.environ["PMI_RANK"] == "1"
    Mpi.initialised = True
    _hide_launcher()
    assert "PMI_RANK" not in os.environ


def test_a_second_simulator_in_one_process_is_refused():
    first, second = (
        ENGINE.create(spec(config(parrots(2)), clock(1.0, 2.0), name=name))
        for name in ("thalamus", "striatum")
    )
    try:
        first.prepare(MemoryRecorder())
        with pytest.raises(NestFailed, match="already runs NEST for 'thalamus'"):
            second.prepare(MemoryRecorder())
        first.finalize()
        first.finalize()
        second.prepare(MemoryRecorder())
    finally:
        first.finalize()
        second.finalize()


def test_nest_errors_name_the_part_that_nest_refused():
    network = parrots(2, wrong={"model": "iaf_cond_exp", "size": 2, "parameters": {"taum": 1.0}})
    simulator = ENGINE.create(spec(config(network), clock(1.0, 2.0)))
    try:
        with pytest.raises(NestFailed, match="creating population wrong: unknown keys in params: "):
            simulator.prepare(MemoryRecorder())
    finally:
        simulator.finalize()


@pytest.mark.parametrize(("regions", "recorded"), [((0,), "thalamus"), ((0, 1), "nest")])
def test_a_circuit_of_several_regions_records_under_its_own_name(regions, recorded):
    what = spec(config(parrots(2)), clock(1.0, 2.0), record={"relay": 1})
    brain = dataclasses.replace(what.brain, labels=("thalamus", "cortex"))
    simulator = ENGINE.create(dataclasses.replace(what, brain=brain, regions=regions))
    seen = []

    class Recorder:
        def spikes(self, region, population, size, stride=1, reference=None):
            seen.append(region)

    simulator.prepare(Recorder())
    simulator.finalize()
    assert seen == [recorded]


def test_the_probe_runs_nest_and_says_which():
    assert ENGINE.probe() == f"NEST {ENGINE.versions()['nest']}, 1 thread"
