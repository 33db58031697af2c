"""Feedback inhibition control of a scenario: from its connectome to the J_i of every region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import yaml
from numpy.typing import NDArray

from cosim.errors import CosimError
from cosim.scenario.load import Case, load
from cosim.scenario.ownership import Owned, entry_region
from cosim.simulator import engines
from cosim.units import parse
from cosim_tvb.config import TvbConfig, by_region, matches, number
from cosim_tvb.cortex.balance import RATE_HZ, Balance, balance, gating_at
from cosim_tvb.facts import facts

#: The model that can be tuned.
MODEL = "ReducedWongWangExcInh"
#: The parameter that is tuned.
INHIBITION = "J_i"


class NotTunable(CosimError):
    """The scenario's cortex cannot be tuned; the message says why."""


@dataclass(frozen=True)
class Tuned:
    """Result of tuning one entry under `models`.

    Parameters
    ----------
    model
        Name of the entry.
    labels
        Regions that it simulates.
    result
        Their resting state.
    """

    model: str
    labels: tuple[str, ...]
    result: Balance

    def text(self, indent: int = 0, width: int = 100) -> str:
        """Return the inhibition as YAML: a mapping from label to number."""
        values = zip(self.labels, self.result.J_i, strict=True)
        words = ["default: 1.0", *(f"{label}: {value:.5f}" for label, value in values)]
        lines = [""]
        for word in words:
            if lines[-1] and len(lines[-1]) + len(word) + 3 > width - indent:
                lines.append("")
            lines[-1] += f"{word}, "
        margin = "\n" + " " * indent
        return "{" + margin + margin.join(line.rstrip() for line in lines).rstrip(",") + "}"


def tune(
    case: Case,
    model: str | None = None,
    rate: float = RATE_HZ,
    rest: Mapping[str, str] | None = None,
) -> Tuned:
    """Find the J_i under which the regions of a model rest at a rate.

    Parameters
    ----------
    case
        The scenario.
    model
        Entry under `models`; not needed if only one runs the model that can be tuned.
    rate
        spikes/s.
    rest
        By label or pattern, what regions of other models send at rest: S_e as a number, or a
        rate such as ``45 Hz`` that the model's own gating makes S_e of.

    Raises
    ------
    NotTunable
        If the entry is of another model, couples by anything but Linear, or hears a region
        whose activity at rest is not given.
    """
    name = model or _only(case)
    config = _config(case, name)
    labels = case.brain.labels
    own = sorted(r for s in case.simulators if s.model == name for r in s.regions)
    if not own:
        raise NotTunable(f"no region is simulated as '{name}'")
    everywhere = {
        key: _values(config, key, default, labels)
        for key, default in facts().models[MODEL].parameters.items()
    }
    parameters = {key: values[own] for key, values in everywhere.items() if key != INHIBITION}
    scale, offset = _linear(config)
    resting = _resting(rest or {}, config, labels)
    weights = scale * case.brain.weights[own]
    drive = np.full(len(own), offset)
    for source in _heard(case, name):
        if not weights[:, source].any():
            continue
        if np.isnan(resting[source]):
            raise NotTunable(
                f"'{name}' hears {labels[source]}; say what that sends at rest: "
                f"--rest '{labels[source]}=<S_e or rate>'"
            )
        drive += weights[:, source] * resting[source]
    try:
        result = balance(parameters, weights[:, own], drive, rate)
    except ValueError as error:
        raise NotTunable(str(error)) from None
    return Tuned(name, tuple(labels[r] for r in own), result)


def rewrite(text: str, tuned: Tuned) -> str:
    """Return a scenario's text with the J_i of the tuned model replaced and all else kept.

    Raises
    ------
    NotTunable
        If the text has no J_i in one number or one ``{...}``.
    """
    node: Any = yaml.compose(text, yaml.SafeLoader)
    column = 0
    for key in ("models", tuned.model, "parameters", INHIBITION):
        pairs = {k.value: (k, v) for k, v in getattr(node, "value", ()) or ()}
        if key not in pairs:
            raise NotTunable(f"write 'J_i: 1.0' below models.{tuned.model}.parameters first")
        column, node = pairs[key][0].start_mark.column, pairs[key][1]
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        raise NotTunable("write J_i as one number or as {...}, so that it can be replaced")
    start, end = node.start_mark.index, node.end_mark.index
    return text[:start] + tuned.text(column + 2) + text[end:]


def tune_file(
    path: Path,
    model: str | None = None,
    rate: float = RATE_HZ,
    rest: Mapping[str, str] | None = None,
) -> Tuned:
    """Tune the scenario of a file; see `tune`."""
    return tune(load(path), model, rate, rest)


def _only(case: Case) -> str:
    found = [k for k, v in case.scenario.models.items() if getattr(v, "model", None) == MODEL]
    if len(found) != 1:
        names = ", ".join(found) or "none"
        raise NotTunable(f"name the model to tune; those of {MODEL} are: {names}")
    return found[0]


def _config(case: Case, name: str) -> TvbConfig:
    config = case.scenario.models.get(name)
    if getattr(config, "model", None) != MODEL:
        raise NotTunable(f"'{name}' is no entry under 'models' whose model is {MODEL}")
    return cast("TvbConfig", config)


def _values(
    config: TvbConfig, key: str, default: Sequence[float], labels: tuple[str, ...]
) -> NDArray[np.float64]:
    given = config.parameters.get(key, default[0])
    if isinstance(given, dict):
        return by_region(given, labels, default[0])
    return np.full(len(labels), np.ravel(given)[0], float)


def _linear(config: TvbConfig) -> tuple[float, float]:
    coupling = config.coupling
    if coupling.name != "Linear":
        raise NotTunable(f"the coupling is {coupling.name}; only Linear can be tuned")
    known = facts().couplings["Linear"].parameters
    a, b = (number(coupling.parameters.get(k, known[k][0])) for k in ("a", "b"))
    return a, b


def _resting(
    rest: Mapping[str, str], config: TvbConfig, labels: tuple[str, ...]
) -> NDArray[np.float64]:
    known = facts().models[MODEL].parameters
    gamma_e, tau_e = (_values(config, key, known[key], labels)[0] for key in ("gamma_e", "tau_e"))
    result = np.full(len(labels), np.nan)
    for pattern, text in rest.items():
        found = list(matches(pattern, labels))
        if not found:
            raise NotTunable(f"'{pattern}' matches no region")
        try:
            result[found] = number(text)
        except ValueError:
            try:
                result[found] = gating_at(parse(text, "Hz"), gamma_e, tau_e)
            except ValueError as error:
                raise NotTunable(f"activity at rest of {pattern}: {error}") from None
    return result


def _heard(case: Case, model: str) -> list[int]:
    """Return the regions of other models whose activity an interface carries to a model."""
    found: set[int] = set()
    for owned in case.simulators:
        if owned.model != model:
            found |= _senders(case, owned, model)
    return sorted(found)


def _senders(case: Case, owned: Owned, model: str) -> set[int]:
    sender, receiver = (case.scenario.models[name] for name in (owned.model, model))
    if owned.kind == "spiking":
        entries = [e for e in sender.sends if model in e.targets]
        return {entry_region(owned, e, case.brain.labels) for e in entries}
    signatures = {engines()[c.engine].signature(c) for c in (sender, receiver)}
    carried = len(signatures) == 1 or any(owned.model in t.sources for t in receiver.translate)
    return set(owned.regions) if carried else set()
