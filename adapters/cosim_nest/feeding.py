"""Brings activity from outside into a population: explicit trains, or rates."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from cosim.clock import NS_PER_MS, Clock, Window
from cosim.errors import BorderError
from cosim.messages import Block, Signal, SpikeBatch
from cosim.ports import RatesIn, TrainsIn
from cosim.scenario.fields import Named
from cosim_nest.network import synapse_spec
from cosim_nest.rules import rule_spec
from cosim_nest.sections import FibreSynapse


class Feed(Protocol):
    """Takes the block of one port for the coming window."""

    def accept(self, block: Block, window: Window) -> None:
        """Hand the block to NEST; raises `BorderError` if it must not cross."""


@dataclass(frozen=True)
class Gate:
    """Where activity enters a network.

    Parameters
    ----------
    nest
        NEST's module.
    target
        Nodes of the population.
    clock
        Turns ticks into milliseconds.
    delay_ms
        Delay of the synapse if it gives none.
    """

    nest: Any
    target: Any
    clock: Clock
    delay_ms: float

    def synapse(self, given: FibreSynapse) -> dict[str, Any]:
        """Return NEST's specification of the synapse."""
        return synapse_spec(self.nest, given, self.delay_ms)


Setter = Callable[[NDArray[np.uint64], list[dict[str, Any]]], None]


def setter(nest: Any, nodes: Any) -> Setter:  # noqa: ANN401 - NEST has no types
    """Return what sets parameters of some of the nodes, given by their places, in that order.

    ``NodeCollection.set`` first asks which nodes are local, one by one, which takes twice as long
    as setting them, and to index a collection it looks for duplicates. What NEST calls then is
    called directly where it is found.
    """
    types = sys.modules.get("nest.lib.hl_api_types")
    kernel = getattr(types, "nestkernel", None)
    take = getattr(kernel, "llapi_take_array_index", None)
    direct = getattr(kernel, "llapi_set_nc_status", None)
    if take is None or direct is None or not hasattr(nest.NodeCollection([]), "_datum"):
        return lambda places, parameters: nodes[places].set(parameters)
    every = nodes._datum
    return lambda places, parameters: direct(take(every, places)._datum, parameters)


class TrainFeed:
    """Explicit spike trains by one ``spike_train_injector`` a fibre.

    A spike at tick t leaves its injector at t and arrives one synaptic delay later. Several
    spikes of one fibre in one tick all arrive. Only injectors that fire are touched, since
    setting one costs microseconds; an injector is exchanged like a neuron and, other than a
    ``spike_generator``, not replicated on every thread.

    Parameters
    ----------
    port
        The port.
    gate
        Where the activity enters.
    """

    def __init__(self, port: TrainsIn, gate: Gate) -> None:
        self._port, self._tick_ns = port, gate.clock.tick_ns
        synapse = FibreSynapse.model_validate(port.synapse)
        by_default = "one_to_one" if port.fibres == len(gate.target) else "all_to_all"
        rule = rule_spec(synapse.rule or Named(name=by_default))
        fibres = gate.nest.Create("spike_train_injector", port.fibres)
        gate.nest.Connect(fibres, gate.target, rule, gate.synapse(synapse))
        self._set = setter(gate.nest, fibres)

    def accept(self, block: Block, window: Window) -> None:
        """Set the spikes of the window."""
        batch = self._checked(block, window)
        if not len(batch.ticks):
            return
        # Batches are ordered by time, and a stable order keeps that within each fibre.
        order = batch.senders.argsort(kind="stable")
        senders = batch.senders[order]
        times_ms = (batch.ticks[order] * self._tick_ns / NS_PER_MS).tolist()
        begins = np.flatnonzero(senders[1:] != senders[:-1]) + 1
        bounds = [0, *begins.tolist(), len(times_ms)]
        trains = [{"spike_times": times_ms[a:b]} for a, b in pairwise(bounds)]
        self._set(senders[bounds[:-1]].astype(np.uint64), trains)

    def _checked(self, block: Block, window: Window) -> SpikeBatch:
        port = self._port
        if not isinstance(block, SpikeBatch):
            raise BorderError(f"port {port.name} takes spikes, not a signal")
        _same_window(port.name, block, window)
        ticks, senders = block.ticks, block.senders
        if len(ticks) != len(senders):
            raise BorderError(
                f"port {port.name}: {len(ticks)} spike times, but {len(senders)} senders"
            )
        if not len(ticks):
            return block
        if ticks.min() <= window.start or ticks.max() > window.stop:
            raise BorderError(
                f"port {port.name}: spikes at ticks {ticks.min()} to {ticks.max()} "
                f"outside the window ({window.start}, {window.stop}]"
            )
        if (off := ticks % port.step != 0).any():
            raise BorderError(
                f"port {port.name}: spike at tick {ticks[off][0]} off NEST's grid of "
                f"{port.step} ticks"
            )
        if senders.min() < 0 or senders.max() >= port.fibres:
            raise BorderError(
                f"port {port.name}: senders {senders.min()} to {senders.max()}, "
                f"but there are {port.fibres} fibres"
            )
        return block


class RateFeed:
    """Rates by one ``inhomogeneous_poisson_generator``, which gives every neuron its own train.

    The rate of the row at tick t governs the step that ends at t; its spikes arrive one synaptic
    delay after t. NEST's devices are never active in the very first step of a simulation, so
    that the first row of a run has no effect.

    Parameters
    ----------
    port
        The port.
    gate
        Where the activity enters.
    """

    def __init__(self, port: RatesIn, gate: Gate) -> None:
        self._port, self._tick_ns = port, gate.clock.tick_ns
        self._last_hz = 0.0
        synapse = FibreSynapse.model_validate(port.synapse)
        self._generator = gate.nest.Create("inhomogeneous_poisson_generator")
        gate.nest.Connect(self._generator, gate.target, "all_to_all", gate.synapse(synapse))

    def accept(self, block: Block, window: Window) -> None:
        """Set the rates of the window, of which only the changes matter."""
        rates_hz = self._checked(block, window)
        changes = np.flatnonzero(np.diff(rates_hz, prepend=self._last_hz))
        if not len(changes):
            return
        ticks = window.start + (changes + 1) * self._port.step
        self._generator.set(
            [
                {
                    "rate_times": ticks * self._tick_ns / NS_PER_MS,
                    "rate_values": rates_hz[changes],
                }
            ]
        )
        self._last_hz = float(rates_hz[-1])

    def _checked(self, block: Block, window: Window) -> NDArray[np.float64]:
        port = self._port
        if not isinstance(block, Signal):
            raise BorderError(f"port {port.name} takes rates, not spikes")
        if block.step != port.step or block.values.ndim != 2 or block.values.shape[1] != 1:
            raise BorderError(
                f"port {port.name} takes one rate every {port.step} ticks, not an array of shape "
                f"{block.values.shape} every {block.step} ticks"
            )
        _same_window(port.name, block, window)
        rates_hz = block.values[:, 0]
        if (bad := ~(np.isfinite(rates_hz) & (rates_hz >= 0))).any():
            row = int(np.flatnonzero(bad)[0])
            raise BorderError(
                f"port {port.name}: rate {rates_hz[row]} spikes/s at tick "
                f"{block.start + (row + 1) * block.step}"
            )
        return rates_hz


def _same_window(port: str, block: Block, window: Window) -> None:
    if (block.start, block.stop) != (window.start, window.stop):
        raise BorderError(
            f"port {port}: a block of the window ({block.start}, {block.stop}] came before "
            f"({window.start}, {window.stop}]"
        )
