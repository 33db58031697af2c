"""Reading a connectome in TVB's zip format, and editing it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cosim.errors import Problem
from cosim.scenario.explain import faulty
from cosim.scenario.keys import close, nearest
from cosim.scenario.model import BrainConfig
from cosim.scenario.overlay import (
    BadConnectome,
    edited,
    existing,
    overlay_problems,
    read_overlays,
)
from cosim.scenario.zip_file import read_zip
from cosim.simulator import Brain

#: The longest delays of a human brain are some hundred ms.
MAX_DELAY_MS = 1e5
#: Mistakes told of one overlay: finding the nearest legal label takes a while for each.
MAX_TOLD = 100
#: ``prefix:name`` in a scenario: the Python package and its folder that hold the data.
DATA_PACKAGES = {"tvb-data": ("tvb_data", "connectivity")}


def locate(reference: str, base: Path) -> Path:
    """Return the file that a scenario's `connectome` names.

    Parameters
    ----------
    reference
        ``tvb-data:connectivity_76.zip``, or a path relative to the scenario's folder.
    base
        Folder of the scenario file.

    Raises
    ------
    BadConnectome
        If the package is not installed or the file does not exist.
    """
    prefix, separator, name = reference.partition(":")
    if separator and prefix not in DATA_PACKAGES and close(prefix, DATA_PACKAGES):
        hint = nearest(prefix, DATA_PACKAGES)
        raise BadConnectome(f"there is no data package '{prefix}'; {hint}")
    if separator and prefix in DATA_PACKAGES:
        package, folder = DATA_PACKAGES[prefix]
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise BadConnectome(f"the package '{prefix}' is not installed; pip install {prefix}")
        root = Path(spec.submodule_search_locations[0]) / folder
        available = sorted(p.name for p in root.glob("*.zip"))
        if name not in available:
            raise BadConnectome(f"{prefix} has no '{name}'; {nearest(name, available)}")
        return root / name
    return existing(reference, base)


def read_brain(config: BrainConfig, base: Path) -> tuple[Brain | None, list[Problem]]:
    """Read the connectome, edit it and scale its weights.

    The edits come first, so that a scaling by the maximum sees the edited brain.

    Parameters
    ----------
    config
        The scenario's `brain`.
    base
        Folder of the scenario file.

    Returns
    -------
    brain, problems
        No brain if there are problems.
    """
    overlays, problems = read_overlays(config, base)
    try:
        labels, weights, lengths, centres = read_zip(locate(config.connectome, base))
    except BadConnectome as error:
        return None, [*problems, faulty(("brain", "connectome"), config.connectome, str(error))]
    if problems:
        return None, problems
    for edits in overlays:
        found = islice(overlay_problems(edits.overlay, labels), MAX_TOLD)
        problems = [edits.located(p) for p in found]
        if problems:
            return None, problems
        labels, weights, lengths, centres = edited(
            labels, weights, lengths, centres, edits.overlay
        )
    scaled = _scaled(weights, config.weights)
    if not np.isfinite(scaled).all():
        told = "the largest weight is so large, or so small, that scaled weights are not finite"
        return None, [Problem(("brain", "weights"), told, "another scaling")]
    brain = Brain(labels, scaled, lengths, centres, config.conduction_speed)
    problems = list(_endless(brain))
    return (None if problems else brain), problems


def _endless(brain: Brain) -> Iterator[Problem]:
    """Yield a delay so long that only a wrong unit explains it; its history would fill memory."""
    delays_ms = np.where(brain.weights != 0, brain.delays_ms(), 0.0)
    target, source = np.unravel_index(np.argmax(delays_ms), delays_ms.shape)
    longest_ms = float(delays_ms[target, source])
    if longest_ms > MAX_DELAY_MS:
        yield Problem(
            ("brain", "conduction_speed"),
            f"the delay from {brain.labels[source]} to {brain.labels[target]} is {longest_ms:.3g} "
            f"ms ({brain.tract_lengths_mm[target, source]:.6g} mm at "
            f"{brain.speed_m_per_s:.6g} m/s)",
            f"a speed for which it is at most {MAX_DELAY_MS:g} ms",
        )


def _scaled(weights: NDArray[np.float64], how: str | float) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        if isinstance(how, float | int):
            return weights * how
        if how == "scaled_by_maximum":
            largest = np.abs(weights).max()
        elif how == "scaled_by_largest_row_sum":
            largest = np.abs(weights).sum(axis=1).max()
        else:
            return weights
        if not np.isfinite(largest):
            return np.full_like(weights, np.inf)
        return weights / largest if largest > 0 else weights
