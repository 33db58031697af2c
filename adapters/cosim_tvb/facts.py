"""What tvb-library offers, as a table: names, variables, parameters, without importing tvb.

The table is `models.json`; ``python -m cosim_tvb.facts`` writes it anew from the tvb-library
that is installed. Models of third parties register their class in the entry-point group
``cosim_tvb.models`` and are described when they are asked for.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from cosim.own_code import Provider, providers

TABLE = "models.json"
#: How the entry points of the models begin that this package adds: the table has them, too, since
#: importing tvb takes seconds that every rank would spend.
OWN = "cosim_tvb."

#: Default values of a parameter; the length is the length that it must have.
Defaults = Mapping[str, list[float]]


@dataclass(frozen=True)
class ModelFacts:
    """A mean-field model.

    Parameters
    ----------
    state_variables
        Names, in the order of the state vector.
    coupling_variables
        Those that other regions see.
    modes
        Number of modes of each variable.
    parameters
        Names and default values.
    ranges
        Interval from which initial values are drawn, by state variable.
    observables
        What monitors may watch: state variables, or sums and differences of them.
    observed
        What they watch by default.
    """

    state_variables: tuple[str, ...]
    coupling_variables: tuple[str, ...]
    modes: int
    parameters: Defaults
    ranges: Mapping[str, tuple[float, float]]
    observables: tuple[str, ...]
    observed: tuple[str, ...]


@dataclass(frozen=True)
class CouplingFacts:
    """A coupling function.

    Parameters
    ----------
    parameters
        Names and default values.
    reads_target_state
        Whether the input of a region depends on that region's own state.
    sums_over_sources
        Whether it is TVB's sum over the weighted sources of a region. One that replaces this
        sum by its own cannot be cut at a border.
    inputs, outputs
        Smallest number of coupling variables that it takes, and how many it gives for two.
    """

    parameters: Defaults
    reads_target_state: bool
    sums_over_sources: bool
    inputs: int
    outputs: int

    def given(self, variables: int) -> int:
        """Return for how many of a number of coupling variables it gives an input."""
        return variables if self.outputs == 2 else min(self.outputs, variables)


@dataclass(frozen=True)
class IntegratorFacts:
    """An integration scheme.

    Parameters
    ----------
    stochastic
        Whether it adds noise.
    fixed_step
        Whether every region is integrated by itself on the grid. A scheme that chooses its own
        steps chooses them for all regions at once, so that splitting a brain changes them.
    """

    stochastic: bool
    fixed_step: bool


@dataclass(frozen=True)
class MonitorFacts:
    """A monitor.

    Parameters
    ----------
    parameters
        Names of its attributes.
    period
        Default sampling period in ms; 0 if there is none.
    every_step
        Whether it samples every step, so that a period means nothing to it.
    of
        What it watches: ``state`` or ``coupling``.
    """

    parameters: tuple[str, ...]
    period: float
    every_step: bool
    of: str


@dataclass(frozen=True)
class Facts:
    """Everything that tvb-library offers, by name, and the models that this package adds."""

    library: str
    models: Mapping[str, ModelFacts]
    own: Mapping[str, ModelFacts]
    couplings: Mapping[str, CouplingFacts]
    integrators: Mapping[str, IntegratorFacts]
    monitors: Mapping[str, MonitorFacts]
    hrf_kernels: Mapping[str, Mapping[str, float]]

    def text(self) -> str:
        """Return the table as it stands in the file: one line for each name."""
        parts = []
        for section, content in asdict(self).items():
            if isinstance(content, dict):
                lines = (f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in content.items())
                parts.append(f" {json.dumps(section)}: {{\n" + ",\n".join(lines) + "\n }")
            else:
                parts.append(f" {json.dumps(section)}: {json.dumps(content)}")
        return "{\n" + ",\n".join(parts) + "\n}\n"


def _model(entry: Mapping[str, Any]) -> ModelFacts:
    return ModelFacts(
        state_variables=tuple(entry["state_variables"]),
        coupling_variables=tuple(entry["coupling_variables"]),
        modes=entry["modes"],
        parameters=entry["parameters"],
        ranges={k: (lo, hi) for k, (lo, hi) in entry["ranges"].items()},
        observables=tuple(entry["observables"]),
        observed=tuple(entry["observed"]),
    )


@cache
def facts() -> Facts:
    """Return the table."""
    table = json.loads((files("cosim_tvb") / TABLE).read_text(encoding="utf-8"))
    return Facts(
        library=table["library"],
        models={k: _model(v) for k, v in table["models"].items()},
        own={k: _model(v) for k, v in table["own"].items()},
        couplings={k: CouplingFacts(**v) for k, v in table["couplings"].items()},
        integrators={k: IntegratorFacts(**v) for k, v in table["integrators"].items()},
        monitors={
            k: MonitorFacts(**{**v, "parameters": tuple(v["parameters"])})
            for k, v in table["monitors"].items()
        },
        hrf_kernels=table["hrf_kernels"],
    )


@cache
def third_party_models() -> Mapping[str, Provider]:
    """Return what gives each model that does not come with tvb-library, by name."""
    return providers("cosim_tvb.models")


@cache
def model_facts(name: str) -> ModelFacts | None:
    """Return what is known of a model, or None if there is no model of that name.

    Imports tvb for a model of a third party, and only then.
    """
    known = facts().models.get(name)
    entry = third_party_models().get(name)
    if known is not None or entry is None:
        return known
    if entry.value.startswith(OWN):
        return facts().own[name]
    from cosim_tvb.describe import describe_model

    return describe_model(entry.load())


def model_names() -> tuple[str, ...]:
    """Return the names of all models, shipped and registered."""
    return (*facts().models, *third_party_models())


def reads_target_state(coupling: str) -> bool:
    """Tell whether a region's input through this coupling depends on its own state.

    Such an input cannot be computed ahead for a region that another simulator owns.

    Raises
    ------
    KeyError
        If there is no coupling of that name.
    """
    return facts().couplings[coupling].reads_target_state


def ahead_flaw(coupling: str, model: ModelFacts, variable: str) -> str:
    """Return why those who send a variable cannot compute the input of its target.

    Returns
    -------
    str
        Empty if they can; a coupling or a variable of an unknown name is not judged.
    """
    known = facts().couplings.get(coupling)
    if known is None or variable not in model.coupling_variables:
        return ""
    if known.reads_target_state:
        return f"coupling {coupling} reads the state of the target itself"
    if model.modes > 1:
        return f"it has {model.modes} modes, and a spiking region takes one"
    given = known.given(len(model.coupling_variables))
    if model.coupling_variables.index(variable) >= given:
        return f"coupling {coupling} gives no input for variable {variable}"
    return ""


def nearest(name: str, legal: Iterable[str]) -> str:
    """Return a hint with the nearest legal spelling; empty if nothing is near."""
    by_lower = {word.lower(): word for word in legal}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1)
    return f"did you mean '{by_lower[found[0]]}'?" if found else ""


def main() -> None:
    """Write the table from the installed tvb-library."""
    from cosim_tvb.describe import describe_library

    Path(str(files("cosim_tvb") / TABLE)).write_text(describe_library().text(), encoding="utf-8")


if __name__ == "__main__":
    main()
