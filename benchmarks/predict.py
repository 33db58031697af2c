"""What the cost model predicts against what is measured.

``python benchmarks/predict.py configs/demo.yaml`` calibrates the scenario, then runs it under
mpirun with windows, ranks and placements that it was not calibrated on, and prints the predicted
and the measured time from the first window to the last with the error in percent. The load tells
how many processes wanted a core meanwhile: what others take from a run, no model can know. The
processor time of all ranks together, predicted and measured, depends less on them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cosim.cli.calibrating import base_ticks
from cosim.costs.model import Costs, read_costs
from cosim.costs.predict import predict
from cosim.plan.build import open_case
from cosim.plan.model import Plan
from cosim.results import open_result
from cosim.results.profile import profile_of

#: Layouts that are compared, at most.
LAYOUTS = 8


@dataclass(frozen=True)
class Layout:
    """A window, and a number of ranks."""

    window: str
    ranks: int

    @property
    def options(self) -> list[str]:
        """As options of the command line."""
        return ["--window", self.window, "--ranks", str(self.ranks)]


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


def layouts(scenario: Path, duration: str) -> Iterator[tuple[Layout, Plan]]:
    """Yield layouts that differ in windows and ranks."""
    case, plan = open_case(scenario, {"duration": duration})
    clock, base = plan.clock, base_ticks(case, plan)
    reach = min((b.shortest.reach for b in plan.borders), default=clock.window)
    windows = [w for w in range(base, reach + 1, base) if clock.duration % w == 0]
    few, most = len(plan.simulators), len(plan.roles())
    for window in windows[:: max(len(windows) // 3, 1)]:
        text = f"{clock.ms(window):g} ms"
        for ranks in sorted({few, few + 1, min(few + 2, most)}):
            yield Layout(text, ranks), open_case(
                scenario, {"duration": duration, "window": text}, ranks
            )[1]


def measured_s(
    scenario: Path, layout: Layout, duration: str, repeats: int
) -> tuple[float, float, float]:
    """Return medians of wall and processor time from the first window on, and the load."""
    walls, works = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            run_dir = Path(folder) / "run"
            cosim("run", str(scenario), "--duration", duration, "--run-dir", str(run_dir),
                  "--no-picture", "-q", *layout.options)
            with open_result(run_dir) as result:
                account = profile_of(result)
            walls.append(account.wall_s)
            works.append(float(sum(role.cpu_s.sum() for role in account.roles)))
    return statistics.median(walls), statistics.median(works), os.getloadavg()[0]


def compare(scenario: Path, costs: Costs, duration: str, repeats: int) -> list[float]:
    """Print a line for each layout, and return the errors in percent."""
    print(f"{'window':>8} {'ranks':>6} {'predicted':>10} {'measured':>9} {'error':>6}  "
          f"{'work predicted':>15} {'measured':>9} {'error':>6} {'load':>6}")
    errors = []
    for layout, plan in list(layouts(scenario, duration))[:LAYOUTS]:
        predicted = predict(plan, costs)
        work = sum(role.busy_s for role in predicted.roles)
        wall, spent, load = measured_s(scenario, layout, duration, repeats)
        errors.append(100 * (predicted.wall_s / wall - 1))
        print(f"{layout.window:>8} {layout.ranks:>6} {predicted.wall_s:>8.2f} s {wall:>7.2f} s "
              f"{errors[-1]:>+5.0f}%  {work:>13.2f} s {spent:>7.2f} s "
              f"{100 * (work / spent - 1):>+5.0f}% {load:>6.1f}", flush=True)
    return errors


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line, calibrate, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--duration", default="600 ms")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--costs", type=Path, help="a calibration; default: a new one")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        costs = given.costs or Path(folder) / "costs.json"
        if given.costs is None:
            cosim("calibrate", str(given.scenario), "--to", str(costs))
        errors = compare(given.scenario, read_costs(costs), given.duration, given.repeats)
    within = sum(abs(error) <= 20 for error in errors)
    print(f"{within} of {len(errors)} layouts within 20%, "
          f"median error {statistics.median(map(abs, errors)):.0f}%")


if __name__ == "__main__":
    main()
