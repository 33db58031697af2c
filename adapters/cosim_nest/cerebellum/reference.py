"""The rates between which the circuit's populations lie, read from ``reference_rates.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml

from cosim.scenario.fields import Section
from cosim.simulator import RateBand
from cosim_nest.models.cells import State

Bands = dict[str, tuple[float, float]]


class _Table(Section):
    source: str
    awake: Bands
    vitro: Bands


@cache
def reference_rates(state: State) -> Mapping[str, RateBand]:
    """Return the bands of a state by population."""
    folder = files("cosim_nest.cerebellum")
    text = folder.joinpath("reference_rates.yaml").read_text(encoding="utf-8")
    table = _Table.model_validate(yaml.safe_load(text))
    bands = table.awake if state == "awake" else table.vitro
    return {name: RateBand(*band, table.source) for name, band in bands.items()}
