"""The scenarios that are measured: those of `configs`, and variants that fit a question."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from benchmarks.options import ROOT

CONFIGS = ROOT / "configs"
DEMO = CONFIGS / "demo.yaml"
CEREBELLUM = CONFIGS / "cerebellum_hybrid.yaml"
#: Regions of `DEMO` that take turns in being spiking.
SPIKING = ("rV2", "rV1", "lV2", "lV1", "rA1", "lA1", "rS1", "lS1")


def variant(base: Path, folder: Path, name: str, changes: Mapping[str, object]) -> Path:
    """Write a scenario that differs from another one, and return its path."""
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"base": str(base), "name": name, **changes}))
    return path


def spiking(regions: int) -> list[dict[str, object]]:
    """Return rules under which so many regions of `DEMO` are spiking."""
    return [
        {"match": list(SPIKING[:regions]), "as": "spiking"}, {"match": "rest", "as": "cortex"}
    ]


def cortex_and_one(folder: Path) -> Path:
    """Return `DEMO` with one spiking region: two simulators that take about the same time."""
    return variant(DEMO, folder, "demo-of-two", {"regions": spiking(1)})


def rates_into_one(folder: Path, neurons: int) -> Path:
    """Return `cortex_and_one` with its trains drawn inside NEST, as the loop by hand has it."""
    receives = [
        {
            "population": "excitatory", "from": ["cortex"], "gain": "1000 Hz", "through": "rates",
            "synapse": {"weight": "3.0 nS", "delay": "1 ms"},
        }
    ]
    sends = [
        {
            "population": "excitatory", "to": ["cortex"], "as": "S",
            "through": {"rate": {"kernel": "exponential", "tau": "10 ms"}},
            "gating": {"tau_S": "100 ms", "gamma": 0.641},
        }
    ]
    spikes = {"network": {"size": neurons}, "receives": receives, "sends": sends}
    changes = {"regions": spiking(1), "models": {"spiking": spikes}}
    return variant(DEMO, folder, "rates-into-one", changes)


def cortex_and_cerebellum(folder: Path) -> Path:
    """Return the brain with the spiking half of its cerebellum and without the other half.

    Cortex and cerebellum are then two simulators, for two cores.
    """
    overlays = [str(CONFIGS / "overlays/cerebellum_76.yaml"), {"remove": ["CbCtx_L", "CbNuc_L"]}]
    rules = [
        {"match": ["CbCtx_R", "CbNuc_R"], "as": "spiking_cerebellum", "simulator": "cerebellum_R"},
        {"match": "rest", "as": "cortex"},
    ]
    changes = {"brain": {"overlay": overlays}, "regions": rules}
    return variant(CEREBELLUM, folder, "cerebellum-of-two", changes)


def any_window(folder: Path) -> Path:
    """Return `DEMO` with one spiking region and delays that allow windows of 0.5 to 20 ms."""
    changes = {
        "brain": {"conduction_speed": "1 m/s"},
        "regions": spiking(1),
        "models": {"spiking": {"network": {"delay": "0.5 ms"}}},
    }
    return variant(DEMO, folder, "any-window", changes)


def of_size(folder: Path, regions: int, neurons: int) -> Path:
    """Return `DEMO` with so many spiking regions of so many neurons each."""
    changes = {
        "regions": spiking(regions),
        "models": {"spiking": {"network": {"size": neurons}}},
    }
    return variant(DEMO, folder, f"{regions}-regions-{neurons}-neurons", changes)


def light(folder: Path) -> Path:
    """Return a scenario that simulates many seconds in short time and records all it can."""
    changes = {
        "regions": spiking(1),
        "models": {
            "cortex": {"integrator": {"HeunStochastic": {"dt": "1 ms", "nsig": 1.0e-5}}},
            "spiking": {"resolution": "0.5 ms", "network": {"size": 100}},
        },
    }
    return variant(DEMO, folder, "light", changes)


def only_mean_field(folder: Path, connectome: Path) -> Path:
    """Return a brain without spiking regions, with the compiled engine."""
    path = folder / f"mean-field-{connectome.stem}.yaml"
    cortex = {
        "engine": "tvb", "compiled": True, "model": "ReducedWongWang",
        "parameters": {"w": 0.6, "I_o": 0.315}, "coupling": {"Linear": {"a": 0.035}},
        "integrator": {"HeunStochastic": {"dt": "0.1 ms", "nsig": 1.0e-5}},
        "initial": {"S": [0.0, 0.2]}, "monitors": [{"TemporalAverage": {"period": "1 ms"}}],
    }
    scenario = {
        "name": path.stem, "seed": 42, "duration": "1000 ms",
        "brain": {
            "connectome": str(connectome), "conduction_speed": "4 m/s",
            "weights": "scaled_by_maximum",
        },
        "regions": [{"match": "rest", "as": "cortex"}],
        "models": {"cortex": cortex},
    }
    path.write_text(yaml.safe_dump(scenario))
    return path
