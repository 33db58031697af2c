"""Stimuli: parameters of a TVB model that are raised in some regions for some time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cosim.clock import to_ns
from cosim.errors import UsageError
from cosim_tvb.build import Built
from cosim_tvb.config import Stimulus, TvbConfig, matches
from cosim_tvb.library import Untyped

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Pulse:
    """A stimulus in steps and indices.

    Parameters
    ----------
    parameter
        Name of the parameter.
    regions
        Indices of the regions, sorted.
    add
        What is added, in TVB's unit.
    first, end
        Steps, counted from 0, that it covers: the first, and the first after it.
    """

    parameter: str
    regions: tuple[int, ...]
    add: float
    first: int
    end: int

    def covers(self, step: int) -> bool:
        """Tell whether it lasts during a step."""
        return self.first <= step < self.end


def pulse(
    stimulus: Stimulus, labels: Sequence[str], owned: Sequence[int], step_ms: float
) -> Pulse:
    """Return what a stimulus is to an instance that owns some of the regions."""
    meant = {r for pattern in stimulus.patterns for r in matches(pattern, labels)}
    step_ns = to_ns(step_ms)
    return Pulse(
        stimulus.parameter, tuple(sorted(meant & set(owned))), stimulus.add,
        to_ns(stimulus.start) // step_ns, to_ns(stimulus.stop) // step_ns,
    )


class Stimulation:
    """Raises parameters at the steps at which stimuli begin and end.

    Between these steps nothing is done. A region without a stimulus keeps the number that it had,
    and after the last stimulus the model holds the very arrays that it began with, so that a
    stimulus that adds 0 changes no bit.

    Parameters
    ----------
    built
        The simulator; its model has its parameters already.
    config
        The model's entry.

    Raises
    ------
    UsageError
        If a parameter with a stimulus cannot differ between regions in this model.
    """

    def __init__(self, built: Built, config: TvbConfig) -> None:
        self._built = built
        self._model: Untyped = built.sim.model
        owned = built.owned.tolist()
        all_of = [pulse(s, built.labels, owned, config.step_ms) for s in config.stimuli]
        self._pulses = [p for p in all_of if p.regions and p.add != 0.0]
        self._rest = {p.parameter: getattr(self._model, p.parameter) for p in self._pulses}
        self._changes = sorted({step for p in self._pulses for step in (p.first, p.end)})
        for name in self._rest:
            self._require_by_region(name)

    def begin(self, step: int) -> bool:
        """Set the parameters for a step, counted from 0; steps come one after the other.

        Returns
        -------
        bool
            Whether they are others than in the step before.
        """
        if not self._changes or step != self._changes[0]:
            return False
        del self._changes[0]
        active = [p for p in self._pulses if p.covers(step)]
        self._set({name: self._value(name, active) for name in self._rest})
        return True

    def until(self, step: int) -> int:
        """Return the first step, at most the given one, for which parameters have to be set."""
        return min([step, *self._changes[:1]])

    def _value(self, name: str, active: Sequence[Pulse]) -> Array:
        offsets = np.zeros(len(self._built.labels))
        for p in active:
            if p.parameter == name:
                offsets[list(p.regions)] += p.add
        return self._raised(name, offsets)

    def _raised(self, name: str, offsets: Array) -> Array:
        rest: Array = self._rest[name]
        if not offsets.any():
            return rest
        each = np.broadcast_to(np.ravel(rest).astype(float), offsets.shape)
        raised: Array = np.where(offsets == 0.0, each, each + offsets)
        shape: tuple[int, ...] = self._model.spatial_param_reshape
        return raised.reshape(shape)

    def _set(self, values: dict[str, Array]) -> None:
        for name, value in values.items():
            setattr(self._model, name, value)
        self._model.update_derived_parameters()

    def _require_by_region(self, name: str) -> None:
        """Try the equations: each region must see its own number of a parameter, no other's."""
        regions = len(self._built.labels)
        pulses = [p for p in self._pulses if p.parameter == name]
        here = sorted({r for p in pulses for r in p.regions})
        some = np.zeros(regions)
        some[here] = pulses[0].add
        try:
            expected, everywhere, found = (
                self._derivative(name, offsets)
                for offsets in (np.zeros(regions), np.full(regions, pulses[0].add), some)
            )
            expected[:, here] = everywhere[:, here]
            fits = np.allclose(found, expected, rtol=1e-9, atol=0.0, equal_nan=True)
        except (ValueError, IndexError, TypeError):
            fits = False
        finally:
            self._set(self._rest)
        if not fits:
            raise UsageError(
                f"a stimulus cannot change {name} of {type(self._model).__name__}: its equations "
                "take one number for all regions"
            )

    def _derivative(self, name: str, offsets: Array) -> Array:
        sim = self._built.sim
        self._set({name: self._raised(name, offsets)})
        state = sim.current_state[self._model.state_variable_mask]
        with np.errstate(all="ignore"):
            found: Array = np.array(self._model.dfun(state, sim.coupling(1, sim.history), 0.0))
        return found
