"""Puts a spiking and a mean-field cerebellum side by side: in one whole brain, and alone.

Runs ``configs/cerebellum_mean_field.yaml`` and ``configs/cerebellum_hybrid.yaml`` with several
seeds, ``configs/cerebellum_rest.yaml`` for BOLD, and the circuit alone for transfer functions and
bursts. What is done already is taken from the folder, so that it can be interrupted.

    python studies/cerebellum/comparison.py --out out/comparison

It writes pictures, and ``comparison.md`` with the tables. The whole takes about 35 minutes of two
idle cores; ``--quick``, which only shows that everything works, a fifth. ``--only`` makes parts.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import circuit
from side_by_side import alone, circuits, figures, tables, whole_brain
from side_by_side.rest import Lengths, rest
from side_by_side.runs import CONFIGS, carry_out, jobs
from side_by_side.stimulus import stimulus
from side_by_side.theory import Expected, expected

from cosim_nest.cerebellum.circuit import neuron_kind
from cosim_nest.cerebellum.parameters import CerebellarParameters

FIELD, HYBRID = "cerebellum_mean_field", "cerebellum_hybrid"
PARTS = ("brain", "stimulus", "rest", "transfer", "burst")


def brain(out: Path, seeds: Sequence[int], seconds: float) -> Iterator[tuple[str, str]]:
    """Yield tables of the whole brain, and draw them."""
    wanted = {name: jobs(name, seeds, seconds, out / "runs") for name in (FIELD, HYBRID)}
    carry_out([job for pair in zip(*wanted.values(), strict=True) for job in pair])
    field, spiking = (whole_brain.measure(wanted[name]) for name in (FIELD, HYBRID))
    figures.rates(out / "rates.png", field, spiking)
    figures.spectra(out / "spectra.png", field, spiking)
    kinds = (field, spiking)
    foreseen = (_expected(field), _expected(spiking))
    figures.cortex(out / "cortex.png", kinds, foreseen)
    what = f"{len(seeds)} seeds, {seconds:g} s, the first left out"
    yield f"Rates in spikes/s ({what})", tables.rates(field, spiking)
    yield f"Power density, rates in (spikes/s)²/Hz ({what})", tables.spectra(field, spiking)
    yield f"Cortical rates in spikes/s ({what})", tables.cortex(kinds, foreseen)
    pair = (list(field.connectivity), list(spiking.connectivity), foreseen[0])
    yield f"Functional connectivity of S_e ({what})", tables.connectivity(*pair)
    yield f"Size of correlations ({what})", tables.correlations(*pair)


def _expected(kind: whole_brain.Kind) -> Expected:
    """Return what to expect of the cortex under the nuclei of some runs."""
    nuclei_hz = {f"CbNuc_{side}": float(kind.rates_hz["DCNp", side].mean()) for side in "LR"}
    return expected(CONFIGS / f"{FIELD}.yaml", nuclei_hz)


def transfer(out: Path, seeds: Sequence[int], neuron: str, ms: float) -> Iterator[tuple[str, str]]:
    """Yield the table of transfer functions, and draw them."""
    rows = circuits.transfer(seeds, neuron, ms, out / f"transfer_{neuron}_{ms:g}ms.csv")
    curves = alone.curves(rows)
    figures.transfer(out / "transfer.png", curves)
    title = f"Rates in spikes/s against mossy input in spikes/s ({len(seeds)} seeds, {ms:g} ms)"
    yield title, tables.transfer(curves)
    yield f"Mean errors at 4 to 80 spikes/s ({len(seeds)} seeds)", tables.transfer_errors(curves)


def burst(out: Path, seeds: Sequence[int], neuron: str, repeats: int) -> Iterator[tuple[str, str]]:
    """Yield the table of bursts, and draw them."""
    courses = alone.courses(
        circuits.bursts(seeds, neuron, repeats, out / f"burst_{neuron}_{repeats}.csv")
    )
    figures.bursts(out / "burst.png", courses)
    title = f"Rates in spikes/s in the 50 ms of a burst ({len(seeds)} seeds, {repeats} bursts each)"
    yield title, tables.bursts(courses)


def parts(options: argparse.Namespace) -> Iterator[tuple[str, str]]:
    """Yield title and text of all tables that were asked for."""
    out, quick = options.out, options.quick
    seeds = range(1, (2 if quick else options.seeds) + 1)
    seconds = 2.0 if quick else options.seconds
    neuron = neuron_kind(CerebellarParameters.model_construct(neuron="auto"))
    if "brain" in options.only:
        yield from brain(out, seeds, seconds)
    if "rest" in options.only:
        yield from rest(out, Lengths.quick() if quick else Lengths())
    if "stimulus" in options.only:
        yield from stimulus(out, seeds, jobs(HYBRID, seeds, seconds, out / "runs"))
    if "transfer" in options.only:
        yield from transfer(out, seeds, neuron, 200.0 if quick else 500.0)
    if "burst" in options.only:
        yield from burst(out, seeds, neuron, 1 if quick else 6)


def main() -> None:
    """Run, measure, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("out/comparison"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=6.0, help="of the whole brain, each run")
    parser.add_argument("--quick", action="store_true", help="few seeds, short runs")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    for name in ("comparison", circuit.log.name):
        logging.getLogger(name).setLevel(logging.INFO)
    options.out.mkdir(parents=True, exist_ok=True)
    text = "\n".join(tables.sections(dict(parts(options))))
    (options.out / "comparison.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
