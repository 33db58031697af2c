"""What a rank holds in memory does not grow with the length of a run."""

import json
import subprocess
import sys
from pathlib import Path

import hybrid_pieces as pieces

ROOT = Path(__file__).parents[2]
LIMIT_S = 150
#: MiB for 600 ms more, in which there are 600,000 spikes of 12 bytes.
GROWTH_MB = 3.0


def scenario(folder):
    """One spiking region that fires a lot, so that spikes kept in memory would show."""
    delays_ms, weights = [[0.0, 3.0], [3.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]
    pieces.write_brain(folder / "brain.zip", delays_ms, weights)
    spiking = {
        "engine": "nest",
        "network": {"populations": {"all": {"model": "parrot_neuron", "size": 500}}},
        "receives": [
            {
                "population": "all",
                "from": ["field"],
                "gain": "10 Hz",
                "background": "2 kHz",
                "synapse": {"weight": 1.0, "delay": "1 ms"},
            }
        ],
        "sends": [{"population": "all", "to": ["field"], "as": "S", "gating": {}}],
    }
    rules = [{"match": "R0", "as": "spiking"}, {"match": "rest", "as": "field"}]
    models = {
        "spiking": spiking,
        "field": pieces.wong_wang(integrator={"HeunDeterministic": {"dt": "1 ms"}}),
    }
    return pieces.write(folder, rules, models, window="3 ms", record={"trains": True})


def test_no_rank_grows(tmp_path):
    argv = [sys.executable, "-m", "benchmarks.memory", str(scenario(tmp_path))]
    done = subprocess.run(
        [*argv, "-d", "300 ms", "-d", "900 ms", "--json", "-n", "3"],
        cwd=ROOT,
        timeout=LIMIT_S,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    short, long = json.loads(done.stdout).values()
    assert len(short) == 3
    assert all(peak > 20 for peak in short.values())
    growth = {name: long[name] - short[name] for name in short}
    assert max(growth.values()) < GROWTH_MB, growth
