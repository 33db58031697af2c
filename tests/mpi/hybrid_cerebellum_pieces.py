"""The shipped brain with a spiking cerebellum, made small; its delays by docs/time.md."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "numerics"))

from circuit_pieces import require_eglif

from cosim.simulator import Brain

__all__ = ["require_eglif"]

HYBRID = Path(__file__).parents[2] / "configs" / "cerebellum_hybrid.yaml"
STEP_MS = 0.5
BOX_UM = (150.0, 130.0)
INPUT = "border/CbCtx_R.mossy_fibres.in0/input"
FIBRES = "CbCtx_R.mossy_fibres.in0"
OUTPUT = "border/CbNuc_R.dcn_p.to.cortex"
#: Where mean-field models begin; TVB would draw from wide intervals. Cortex rests, nuclei settle.
REST = {
    "cerebellar_cortex": {"GrC": 0.0044, "GoC": 0.0101, "MLI": 0.0347, "PC": 0.0727, "noise": 0.0},
    "nuclei": {"DCNp": 0.06, "DCNi": 0.0128},
}


def receives(**changed: Any) -> list[dict[str, Any]]:
    """Return the only entry of the shipped scenario by which the cortex drives mossy fibres."""
    spiking = yaml.safe_load(HYBRID.read_text())["models"]["spiking_cerebellum"]
    (entry,) = spiking["receives"]
    return [{**entry, **changed}]


def derived(
    folder: Path,
    spiking: Mapping[str, Any],
    *,
    duration: str = "72 ms",
    **models: Mapping[str, Any],
) -> Path:
    """Write a scenario that is the shipped one in a small box, step by step, with changes."""
    folder.mkdir(parents=True)
    entries: dict[str, dict[str, Any]] = {
        "cortex": {},
        **{name: {"initial": rest} for name, rest in copy.deepcopy(REST).items()},
    }
    for name, entry in entries.items():
        entry["monitors"] = ["Raw", "AfferentCoupling"]
        entry |= models.get(name, {})
    box = [f"{length:g} um" for length in BOX_UM]
    spiking = {**spiking, "network": {"box": box, **spiking.get("network", {})}}
    data = {
        "base": str(HYBRID),
        "name": "small spiking cerebellum",
        "seed": 42,
        "duration": duration,
        "models": {**entries, "spiking_cerebellum": spiking},
        "record": {"border": True, "trains": True, "spikes": "all"},
    }
    path = folder / "hybrid.yaml"
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


class Tracts:
    """What the connectome says: edges of nonzero weight, and their delays in whole steps."""

    def __init__(self, brain: Brain) -> None:
        self.labels = list(brain.labels)
        self._weights = brain.weights
        self._lengths_mm = brain.tract_lengths_mm
        self._speed_m_per_s = brain.speed_m_per_s

    def _place(self, source: str, target: str) -> tuple[int, int]:
        return self.labels.index(target), self.labels.index(source)

    def weight(self, source: str, target: str) -> float:
        return float(self._weights[self._place(source, target)])

    def steps(self, source: str, target: str) -> int:
        delay_ms = self._lengths_mm[self._place(source, target)] / self._speed_m_per_s
        return int(np.rint(delay_ms / STEP_MS))

    def arrival_ms(self, source: str, target: str, changed_ms: float) -> float:
        """When a change that a mean field hears, or that a mean field makes, has its effect."""
        return changed_ms + (self.steps(source, target) + 1) * STEP_MS

    def sources(self, target: str, among: Iterable[str]) -> list[str]:
        return [label for label in among if self.weight(label, target)]

    def targets(self, source: str) -> list[str]:
        return [label for label in self.labels if self.weight(source, label)]

    def coupled(
        self, target: str, histories: Mapping[str, np.ndarray], *, late: Mapping[str, int] = {}
    ) -> np.ndarray:
        """Return the input of each step: the weighted sum of what the sources were back then.

        Histories hold the value before time 0 and those after each step; `late` adds steps to
        the delays of some sources.
        """
        total = np.zeros(len(next(iter(histories.values()))) - 1)
        for source, values in histories.items():
            back = np.arange(len(total)) - self.steps(source, target) - late.get(source, 0)
            total += self.weight(source, target) * values[np.maximum(back, 0)]
        return total


def kept_by_tvb(values: np.ndarray) -> np.ndarray:
    """TVB keeps its history in single precision."""
    return values.astype(np.float32).astype(np.float64)
