"""Closes and opens the loop between cortex and spiking cerebellum, and compares with mean fields.

``configs/cerebellum_hybrid.yaml`` is run as it is, and with one path changed:

- ``no output``: the tracts from the right nuclei to the cortex weigh nothing;
- ``steady output``: the cortex hears the right nuclei at their resting rate for ever;
- ``no input``: the tracts from the cortex to the right cerebellum weigh nothing;
- ``steady input``: the same, with as much background as the resting cortex gives;
- ``driven``: mossy fibres have 20 spikes/s more, in the closed loop.

Every change is made with the same seeds, and measured as difference to the closed loop. What the
models predict is that difference in ``configs/cerebellum_mean_field.yaml``, without noise.

    python studies/cerebellum/loop.py --out out/loop

It prints a table, which ``loop.csv`` holds as well, and draws ``loop.png``. With three seeds it
takes about three minutes of one core.
"""

from __future__ import annotations

import argparse
import csv
import logging
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cosim.plan.build import open_case
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.results import Result, open_result
from cosim.serial import run_serial

Series = NDArray[np.float64]
Box = Sequence[float]

CONFIGS = Path(__file__).parents[2] / "configs"
HYBRID, FIELD = (CONFIGS / f"cerebellum_{name}.yaml" for name in ("hybrid", "mean_field"))
#: Regions that the right nuclei excite, in the overlay of both scenarios.
TARGETS = ("lM1", "lPMCDL", "lPMCM", "lPMCVL", "lPFCDL", "lFEF", "lPCIP")
#: Of the cortical model: by these a steady gating variable is a rate.
TAU_E_MS, GAMMA_E = 100.0, 0.641e-3
#: Background of mossy fibres in both scenarios, what a resting cortex adds, and a strong drive.
BACKGROUND_HZ, CORTICAL_HZ, DRIVE_HZ = 2.0, 2.0, 20.0
#: Filter so slow that its output stays what it was before time 0.
NEVER = {"kernel": "exponential", "tau": "1e6 s", "initial_rate": "46 Hz"}
SETTLE_MS = 200.0
QUANTITIES = {
    "M1": "left motor cortex",
    "targets": "cortical targets, mean of 7",
    "others": "rest of the cortex",
    "mossy": "mossy fibres, right",
    "PC": "Purkinje cells, right",
    "DCNp": "nuclear projection cells, right",
}
log = logging.getLogger("loop")


@dataclass(frozen=True)
class Change:
    """A change of both scenarios: tracts that weigh nothing, and keys of models.

    Parameters
    ----------
    cut
        Sources and targets; ``cortex`` is all of it.
    background_hz
        Of the right mossy fibres.
    steady
        Whether the spiking nuclei are heard at rest for ever; mean fields have no such thing.
    """

    cut: tuple[tuple[str, str], ...] = ()
    background_hz: float = BACKGROUND_HZ
    steady: bool = False


CHANGES = {
    "closed": Change(),
    "no output": Change(cut=(("CbNuc_R", "cortex"),)),
    "steady output": Change(steady=True),
    "no input": Change(cut=(("cortex", "CbCtx_R"), ("cortex", "CbNuc_R"))),
    "steady input": Change(
        cut=(("cortex", "CbCtx_R"), ("cortex", "CbNuc_R")),
        background_hz=BACKGROUND_HZ + CORTICAL_HZ,
    ),
    "driven": Change(background_hz=BACKGROUND_HZ + DRIVE_HZ),
}


def cuts(path: Path, change: Change) -> list[dict[str, Any]]:
    """Return the tracts of a scenario that weigh nothing under a change."""
    case, _ = open_case(path)
    labels, brain = case.brain.labels, case.brain
    tracts = []
    for target, source in np.argwhere(brain.weights):
        ends = (part(labels[source]), part(labels[target]))
        if ends in change.cut:
            length = f"{brain.tract_lengths_mm[target, source]:g} mm"
            tracts.append(
                {"from": labels[source], "to": labels[target], "weight": 0.0, "length": length}
            )
    return tracts


def part(label: str) -> str:
    """Return a region of the cerebellum as it is, and any other as cortex."""
    return label if label.startswith("Cb") else "cortex"


def overlaid(path: Path, tracts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the override of `brain` that puts tracts over those of a scenario."""
    if not tracts:
        return {}
    given = yaml.safe_load(path.read_text(encoding="utf-8"))["brain"]["overlay"]
    before = given if isinstance(given, list) else [given]
    return {"brain": {"overlay": [*before, {"tracts": tracts}]}}


def hybrid(change: Change, box_um: Box) -> dict[str, Any]:
    """Return a change as overrides of the scenario with a spiking half."""
    box = [f"{length:g} um" for length in box_um]
    network = {"box": box, "background": f"{change.background_hz:g} Hz"}
    spiking: dict[str, Any] = {"network": network}
    if change.steady:
        entries = yaml.safe_load(HYBRID.read_text(encoding="utf-8"))["models"]
        (sent,) = entries["spiking_cerebellum"]["sends"]
        spiking["sends"] = [{**sent, "through": {"rate": NEVER}}]
    models = {"spiking_cerebellum": spiking}
    return {"models": models, **overlaid(HYBRID, cuts(HYBRID, change))}


def field(change: Change) -> dict[str, Any]:
    """Return a change as overrides of the scenario that is all mean field, and without noise."""
    models: dict[str, Any] = {
        "cortex": {"integrator": {"HeunStochastic": {"nsig": 0.0}}},
        "cerebellar_cortex": {"integrator": {"HeunStochastic": {"nsig": 0.0}}},
        "nuclei": {},
    }
    for name, region in (("cerebellar_cortex", "CbCtx_R"), ("nuclei", "CbNuc_R")):
        drive = {"default": BACKGROUND_HZ / 1e3, region: change.background_hz / 1e3}
        models[name]["parameters"] = {"mf_background": drive}
    return {"models": models, **overlaid(FIELD, cuts(FIELD, change))}


@dataclass(frozen=True)
class Measured:
    """Mean rates after the beginning, and the course of the motor cortex; spikes/s and ms."""

    rates_hz: Mapping[str, float]
    time_ms: Series
    motor_hz: Series


def cortical_hz(S: Series) -> Series:
    """Return the rate at which a gating variable would rest."""
    return S / (1.0 - S) / (TAU_E_MS * GAMMA_E)


def column(result: Result, name: str) -> Series:
    """Return a column ``variable[region]`` of the averages of whatever model has it."""
    for signal in result.signals:
        if signal.endswith("/TemporalAverage"):
            values = result.signal(signal)
            if name in values.column.values:
                return np.asarray(values.sel(column=name).values)
    raise KeyError(name)


def measured(result: Result, background_hz: float) -> Measured:
    """Measure a run of either scenario, of which the background is given."""
    labels = [
        name[4:-1]
        for name in result.signal("cortex/TemporalAverage").column.values.tolist()
        if name.startswith("S_e[")
    ]
    gates = {label: column(result, f"S_e[{label}]") for label in labels}
    time_ms = np.asarray(result.signal("cortex/TemporalAverage").time.values)
    late = time_ms > SETTLE_MS
    hz = {label: float(cortical_hz(S[late].mean())) for label, S in gates.items()}
    others = [label for label in labels if label not in TARGETS]
    rates_hz = {
        "M1": hz["lM1"],
        "targets": float(np.mean([hz[label] for label in TARGETS])),
        "others": float(np.mean([hz[label] for label in others])),
    }
    more = spiking_hz(result, background_hz) if result.populations else field_hz(result, late)
    rates_hz |= more
    return Measured(rates_hz, time_ms, cortical_hz(gates["lM1"]))


def spiking_hz(result: Result, background_hz: float) -> dict[str, float]:
    """Return rates of the spiking half; that of mossy fibres is the one they are drawn with."""
    name, found = "border/CbCtx_R.mossy_fibres.in0/rate", {"mossy": background_hz}
    if name in result.signals:
        drive = result.signal(name)
        found["mossy"] += float(drive.values[drive.time.values > SETTLE_MS].mean())
    for region, population in result.populations:
        wanted = {"purkinje": "PC", "dcn_p": "DCNp"}.get(population)
        if wanted:
            spikes = result.spikes(region, population).after(SETTLE_MS)
            found[wanted] = spikes.mean_rate_hz
    return found


def field_hz(result: Result, late: NDArray[np.bool_]) -> dict[str, float]:
    """Return rates of the right half where it is a mean field, whose nuclei tell the drive."""
    PC, DCNp = (
        1e3 * float(column(result, f"{name}[{region}]")[late].mean())
        for name, region in (("PC", "CbCtx_R"), ("DCNp", "CbNuc_R"))
    )
    # The law of the nuclei at rest, solved for its mossy input.
    return {"mossy": (DCNp - 60.8 + 0.20 * PC) / 0.60, "PC": PC, "DCNp": DCNp}


def run(path: Path, duration_ms: float, seed: int, change: Change, box_um: Box) -> Measured:
    """Run a scenario in this process, and keep nothing but what is measured."""
    changed = hybrid(change, box_um) if path == HYBRID else field(change)
    overrides = {"duration": f"{duration_ms:g} ms", "seed": seed, **changed}
    case, plan = open_case(path, overrides)
    folder = Path(tempfile.mkdtemp(prefix="loop-"))
    try:
        run_serial(case, plan, RunDir.create("loop", folder / "run"), Progress(plan.clock, None))
        with open_result(folder / "run") as result:
            return measured(result, change.background_hz)
    finally:
        shutil.rmtree(folder)


@dataclass(frozen=True)
class Row:
    """One quantity under one change, in spikes/s; differences are to the closed loop.

    The predicted one is that of the mean field; its steady output is missing.
    """

    change: str
    quantity: str
    seeds: int
    mean_hz: float
    difference_hz: float
    difference_sd_hz: float
    same_sign: int
    predicted_hz: float | None


Runs = Mapping[str, Sequence[Measured]]


def rows(spiking: Runs, fields: Mapping[str, Measured]) -> Iterator[Row]:
    """Yield every quantity under every change."""
    for change, runs in spiking.items():
        for quantity in QUANTITIES:
            values = np.array([r.rates_hz[quantity] for r in runs])
            differences = values - [r.rates_hz[quantity] for r in spiking["closed"]]
            predicted = None
            if change in fields:
                one, other = (fields[c].rates_hz[quantity] for c in (change, "closed"))
                predicted = round(one - other, 4)
            same = max(int((differences > 0).sum()), int((differences < 0).sum()))
            mean_hz, difference_hz = float(values.mean()), float(differences.mean())
            yield Row(
                change, quantity, len(values), round(mean_hz, 4), round(difference_hz, 4),
                round(spread(differences), 4), same, predicted,
            )


def spread(values: Series) -> float:
    """Return the standard deviation over seeds; 0 of a single one."""
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0


def table(found: Iterable[Row]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"{'change':14s} {'quantity':33s} {'spikes/s':>9s} {'difference (sd over seeds)':>28s} " \
        f"{'same sign':>10s} {'mean field':>11s}"
    for row in found:
        difference = f"{row.difference_hz:+.3f} ({row.difference_sd_hz:.3f})"
        predicted = "-" if row.predicted_hz is None else f"{row.predicted_hz:+.3f}"
        if row.change == "closed":
            difference = predicted = ""
        same = f"{row.same_sign} of {row.seeds}" if difference else ""
        yield (
            f"{row.change:14s} {QUANTITIES[row.quantity]:33s} {row.mean_hz:9.3f} "
            f"{difference:>28s} {same:>10s} {predicted:>11s}"
        )


def write(path: Path, found: Sequence[Row]) -> None:
    """Write the rows as CSV."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(Row.__dataclass_fields__))
        writer.writeheader()
        writer.writerows(vars(row) for row in found)


def draw(path: Path, spiking: Runs, found: Sequence[Row]) -> None:
    """Draw the motor cortex over time, and all differences beside their predictions."""
    figure = Figure(figsize=(11, 3.4), layout="constrained")
    course, *others = figure.subplots(1, 3, width_ratios=(1.4, 1, 1))
    for change in ("closed", "steady output", "no output"):
        lines = np.array([r.motor_hz for r in spiking[change]])
        time_ms = spiking[change][0].time_ms
        (line,) = course.plot(time_ms, lines.mean(axis=0), label=change)
        course.plot(time_ms, lines.T, color=line.get_color(), linewidth=0.4, alpha=0.6)
    course.axvspan(SETTLE_MS, time_ms[-1], color="0.93", zorder=0)
    course.set(xlabel="time (ms)", ylabel="left motor cortex (spikes/s)")
    course.set_title("thin: each seed; grey: where rates are measured", fontsize=9)
    course.legend(frameon=False, fontsize=8)
    changes = [change for change in spiking if change != "closed"]
    for axis, quantities in zip(others, (("M1", "targets", "others"), ("PC", "DCNp")), strict=True):
        bars(axis, changes, quantities, found)
    figure.savefig(path, dpi=150)


def bars(
    axis: Any,  # noqa: ANN401 - of matplotlib
    changes: Sequence[str],
    quantities: Sequence[str],
    found: Sequence[Row],
) -> None:
    """Draw differences to the closed loop as bars, with marks where a mean field is."""
    width = 0.8 / len(quantities)
    for k, quantity in enumerate(quantities):
        mine = {row.change: row for row in found if row.quantity == quantity}
        at = np.arange(len(changes)) + (k - (len(quantities) - 1) / 2) * width
        heights = [mine[c].difference_hz for c in changes]
        errors = [mine[c].difference_sd_hz for c in changes]
        axis.bar(at, heights, width, yerr=errors, label=QUANTITIES[quantity].split(",")[0])
        marks = [(x, mine[c].predicted_hz) for x, c in zip(at, changes, strict=True)]
        told = [(x, y) for x, y in marks if y is not None]
        axis.plot(*zip(*told, strict=True), "k_", markersize=9)
    axis.axhline(0.0, color="k", linewidth=0.6)
    axis.set_xticks(range(len(changes)), changes, rotation=25, ha="right", fontsize=8)
    axis.set(ylabel="difference to closed (spikes/s)")
    axis.set_title("bars: spiking, dashes: mean field", fontsize=9)
    axis.legend(frameon=False, fontsize=7)


def main() -> None:
    """Run everything; write table and figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("out/loop"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--duration", type=float, default=400.0, help="ms; rates are after 200")
    parser.add_argument("--box", type=float, nargs=2, default=(150.0, 130.0), help="um")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("cosim").setLevel(logging.WARNING)
    options.out.mkdir(parents=True, exist_ok=True)
    fields: dict[str, Measured] = {}
    spiking: dict[str, list[Measured]] = {}
    for name, change in CHANGES.items():
        if not change.steady:
            log.info("%s, mean field", name)
            fields[name] = run(FIELD, options.duration, 1, change, options.box)
        for seed in range(1, options.seeds + 1):
            log.info("%s, spiking, seed %d", name, seed)
            one = run(HYBRID, options.duration, seed, change, options.box)
            spiking.setdefault(name, []).append(one)
    found = list(rows(spiking, fields))
    write(options.out / "loop.csv", found)
    draw(options.out / "loop.png", spiking, found)
    print("\n".join(table(found)))


if __name__ == "__main__":
    main()
