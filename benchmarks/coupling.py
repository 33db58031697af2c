"""What coupling costs: a run against its slowest simulator alone.

``python benchmarks/coupling.py configs/cerebellum_hybrid.yaml`` runs a scenario under mpirun and,
right after it, the simulator that took longest by itself with the input that it had received. Both
are repeated, and the ratio of the wall-clock times from the first window to the last is taken pair
by pair, since a machine that others use, too, is not the same from one minute to the next.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from cosim.results import open_result


def cosim(*arguments: str) -> None:
    """Run a command of ours without its output.

    Raises
    ------
    subprocess.CalledProcessError
        If it fails.
    """
    subprocess.run(
        [sys.executable, "-m", "cosim", *arguments], check=True, stdout=subprocess.DEVNULL
    )


def wall_s(run_dir: Path) -> float:
    """Return the wall-clock time of a run's loop."""
    with open_result(run_dir) as result:
        return float(result.summary["wall_s"])


def slowest(run_dir: Path) -> str:
    """Return the simulator that computed longest."""
    with open_result(run_dir) as result:
        simulators = [str(s["name"]) for s in result.plan["simulators"]]
        return max(simulators, key=lambda s: float(result.timing(s).compute_s.sum()))


def pair(scenario: Path, options: Sequence[str], folder: Path) -> tuple[str, float, float]:
    """Run a scenario and its slowest simulator alone.

    Returns
    -------
    simulator, together_s, alone_s
        Its name, and the wall-clock times of both.
    """
    together, alone = folder / "together", folder / "alone"
    cosim("run", str(scenario), "--run-dir", str(together), "--no-picture", "-q", *options)
    name = slowest(together)
    cosim("replay", str(together), "--only", name, "--to", str(alone), "-q")
    return name, wall_s(together), wall_s(alone)


def measure(scenario: Path, repeats: int, options: Sequence[str]) -> None:
    """Print one line for each pair, and the median of their ratios."""
    ratios = []
    print(f"{scenario}\n{'simulator':<16} {'together':>9} {'alone':>9} {'ratio':>6}")
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            name, together_s, alone_s = pair(scenario, options, Path(folder))
        ratios.append(together_s / alone_s)
        print(f"{name:<16} {together_s:>7.2f} s {alone_s:>7.2f} s {ratios[-1]:>6.3f}", flush=True)
    low, middle, high = min(ratios), statistics.median(ratios), max(ratios)
    print(f"median ratio {middle:.3f} ({low:.3f} to {high:.3f}, {repeats} pairs)")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    arguments, options = parser.parse_known_args()
    measure(arguments.scenario, arguments.repeats, options)


if __name__ == "__main__":
    main()
