"""One spiking region in NEST, driven window by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from cosim.clock import Window, to_ns
from cosim.errors import BorderError
from cosim.messages import Block, SpikeBatch
from cosim.ports import InPort, OutPort, RatesIn, SpikesOut, TrainsIn
from cosim.simulator import Recorder, SimulatorSpec, SpikeSink
from cosim_nest.config import NestConfig
from cosim_nest.consistency import min_delay_ms
from cosim_nest.feeding import Feed, Gate, RateFeed, TrainFeed
from cosim_nest.kernel import Kernel, NestFailed, explained, rng_seed
from cosim_nest.network import Nodes, build
from cosim_nest.reading import SpikeTap
from cosim_nest.sections import BuiltNetwork

#: Windows between two looks at NEST's clock. NEST tells its time only with all of its status,
#: which took 0.4 ms between two windows: as long as a window of some small networks.
_LOOK_EVERY = 20


class NestSimulator:
    """A network in NEST that stands for one region, or for several that one circuit spans.

    Parameters
    ----------
    spec
        What the plan says about it.
    """

    def __init__(self, spec: SimulatorSpec) -> None:
        self._spec = spec
        self._config = cast("NestConfig", spec.config)
        several = len(spec.regions) > 1
        self._region = spec.name if several else spec.brain.labels[spec.regions[0]]
        self._min_delay_ms = min_delay_ms(self._config)
        self._feeds: dict[str, Feed] = {}
        self._sinks: dict[str, SpikeSink] = {}
        self._tap: SpikeTap | None = None
        self._kernel: Kernel | None = None
        self._next = spec.clock.at(0)

    def prepare(self, recorder: Recorder) -> None:
        """Build network, feeds and recorder.

        Raises
        ------
        NestFailed
            If NEST refuses a part, or the window does not fit the network's minimum delay.
        """
        spec, config = self._spec, self._config
        self._check_window()
        seed = rng_seed(spec.seed, spec.name)
        self._kernel = kernel = Kernel(spec.name, config.resolution, config.threads, seed)
        nodes = build(kernel.nest, config.network, self._min_delay_ms, seed)
        self._check_sizes(nodes)
        for port in spec.inputs:
            with explained(f"connecting port {port.name} to {self._region}"):
                self._feeds[port.name] = self._feed(kernel, port, nodes)
        self._tap = self._open_tap(kernel, nodes)
        self._check_min_delay(kernel)
        sizes, bands = config.populations, config.network.reference_rates
        for name, stride in spec.record_spikes.items():
            self._sinks[name] = recorder.spikes(
                self._region, name, sizes[name], stride, bands.get(name)
            )

    def prime(self, port: str, lag: int) -> Sequence[Block]:
        """Return windows without spikes: nothing fires before the start."""
        before = [self._spec.clock.at(k) for k in range(-lag, 0)]
        return [SpikeBatch.empty(window.start, window.stop) for window in before]

    def accept(self, port: str, block: Block) -> None:
        """Hand a port's data for the coming window to NEST.

        Raises
        ------
        BorderError
            If the data are of another window, off the grid, not finite or out of range.
        """
        try:
            with explained(f"feeding port {port}"):
                self._feeds[port].accept(block, self._next)
        except BorderError as error:
            raise BorderError(error.cause, self._region) from error

    def advance(self, window: Window) -> None:
        """Simulate the window and fetch its spikes.

        Raises
        ------
        NestFailed
            If NEST fails, for example because a neuron's equations diverge.
        """
        kernel = self._running()
        clock = self._spec.clock
        span = f"simulating {clock.ms(window.start):g} to {clock.ms(window.stop):g} ms"
        with explained(f"{span} of {self._region}"):
            kernel.run(clock.ms(window.stop - window.start))
        self._next = clock.at(window.index + 1)
        if self._tap is None:
            return
        self._tap.read(window)
        for name, sink in self._sinks.items():
            sink.append(_every(self._tap.batch(name), self._spec.record_spikes[name]))

    def now_ns(self) -> int | None:
        """Return the biological time by NEST's own account, now and then and at the end."""
        passed = self._next.index
        if passed % _LOOK_EVERY != 1 and passed < self._spec.clock.windows:
            return None
        return self._running().now_ns()

    def emit(self, port: str) -> Block:
        """Return the spikes of a port's population in the window just simulated."""
        if self._tap is None:
            raise KeyError(port)
        return self._tap.batch(self._population(port))

    def finalize(self) -> None:
        """Release NEST; harmless when repeated."""
        if self._kernel is not None:
            self._kernel.close()

    def _running(self) -> Kernel:
        if self._kernel is None:
            raise RuntimeError(f"'{self._spec.name}' was not prepared")
        return self._kernel

    def _population(self, port: str) -> str:
        ports: Mapping[str, OutPort] = {p.name: p for p in self._spec.outputs}
        return cast("SpikesOut", ports[port]).population

    def _feed(self, kernel: Kernel, port: InPort, nodes: Nodes) -> Feed:
        if isinstance(port, TrainsIn | RatesIn):
            nest, target = kernel.nest, nodes[port.population]
            gate = Gate(nest, target, self._spec.clock, self._min_delay_ms)
            return TrainFeed(port, gate) if isinstance(port, TrainsIn) else RateFeed(port, gate)
        raise TypeError(f"NEST has no use for port {port.name}, a {type(port).__name__}")

    def _open_tap(self, kernel: Kernel, nodes: Nodes) -> SpikeTap | None:
        emitted = [p.population for p in self._spec.outputs if isinstance(p, SpikesOut)]
        wanted = dict.fromkeys([*emitted, *self._spec.record_spikes])
        if not wanted:
            return None
        step = self._spec.clock.ticks(self._config.resolution)
        with explained(f"recording {', '.join(wanted)}"):
            tapped = {name: nodes[name] for name in wanted}
            return SpikeTap(kernel, tapped, self._min_delay_ms, step)

    def _check_window(self) -> None:
        clock, promised_ms = self._spec.clock, self._min_delay_ms
        if (clock.window * clock.tick_ns) % to_ns(promised_ms):
            window_ms = clock.ms(clock.window)
            cause = f"{window_ms:g} ms is no multiple of the minimum delay, {promised_ms:g} ms"
            raise NestFailed("checking the window", cause)

    def _check_sizes(self, nodes: Nodes) -> None:
        for name, size in self._config.populations.items():
            built = len(nodes[name]) if name in nodes else 0
            if built != size:
                cause = f"the builder promised {size} neurons in {name} and made {built}"
                raise NestFailed("building the network", cause)

    def _check_min_delay(self, kernel: Kernel) -> None:
        """Refuse a network that is faster than the windows rely on.

        One that is slower, because drawn delays are all longer than their bound or a port is
        unconnected, has been brought to the promised minimum by the recorder's connections.
        """
        nest, promised_ms = kernel.nest, self._min_delay_ms
        actual_ms = float(nest.min_delay)
        if nest.num_connections and to_ns(actual_ms) < to_ns(promised_ms):
            network = self._config.network
            whose = network.builder if isinstance(network, BuiltNetwork) else "the network"
            cause = f"{whose} promised {promised_ms:g} ms but has {actual_ms:g} ms"
            raise NestFailed("checking the minimum delay", cause)


def _every(batch: SpikeBatch, stride: int) -> SpikeBatch:
    if stride == 1:
        return batch
    kept = batch.senders % stride == 0
    return SpikeBatch(batch.start, batch.stop, batch.ticks[kept], batch.senders[kept])
