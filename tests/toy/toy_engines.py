"""Two small engines with which the core is tested without NEST and TVB.

The field relaxes towards its delayed input; the spiking network integrates the spikes that come
in and fires deterministically. Both break on request, for the failure tests.
"""

from __future__ import annotations

import time

import numpy as np
import toy_faults

from cosim.errors import Problem
from cosim.messages import Signal, SpikeBatch
from cosim.ports import AfferentOut
from cosim.scenario.model import ModelConfig
from cosim.streams import Stream
from cosim.units import Milliseconds


class ToyConfig(toy_faults.Faults, ModelConfig):
    step: Milliseconds = 0.5
    pause_s: float = 0.0  # how long a window takes
    defect: str = ""  # what is wrong without breaking: see `accept`, `advance` and `now_ns`
    defect_from: Milliseconds = 0.0  # since when, for wild, mute, below, hot and slow


class Faulty:
    def __init__(self, spec):
        self.spec, self.config = spec, spec.config

    def due(self, where, window=-1):
        return toy_faults.due(self.config, self.spec.name, where, window)

    def break_if_due(self, where, window=-1):
        fault = self.due(where, window)
        if fault not in ("", "nan"):
            toy_faults.strike(fault)

    def wrong(self, defect, tick):
        since = self.config.defect_from / self.spec.clock.tick_ms
        mine = self.config.fault_role in ("", self.spec.name)
        return self.config.defect == defect and mine and tick > since

    def now_ns(self):
        tick = self.steps_done * self.step  # slow: has left out a step
        return (tick - self.step * self.wrong("slow", tick)) * self.spec.clock.tick_ns

    def finalize(self):
        self.break_if_due("finalize")


class Field(Faulty):
    def prepare(self, recorder):
        self.break_if_due("prepare")
        spec = self.spec
        self.step = spec.clock.ticks(self.config.step)
        self.n = len(spec.brain.labels)
        delays = spec.brain.delays_ms() / self.config.step
        self.idelays = np.rint(delays).astype(int)
        self.depth = self.idelays.max() + 2 + spec.clock.window // self.step
        self.history = np.full((self.depth, self.n), 0.1)
        self.now = 0
        self.ports = {p.name: p for p in (*spec.inputs, *spec.outputs)}
        self.noise = Stream(spec.seed, "toy-noise")
        names = [f"x[{spec.brain.labels[i]}]" for i in spec.regions]
        self.sink = recorder.signal(f"{spec.name}/Raw", names, "1")
        heard = set(spec.regions) | {r for p in spec.inputs for r in p.regions}
        self.weights = spec.brain.weights.copy()
        self.weights[:, [i for i in range(self.n) if i not in heard]] = 0

    @property
    def steps_done(self):
        return self.now

    def coupling(self, step, target, columns):
        rows = (step - 1 - self.idelays[target, columns]) % self.depth
        return float((self.weights[target, columns] * self.history[rows, columns]).sum())

    def prime(self, port, lag):
        self.break_if_due("prime")
        spec, port = self.spec, self.ports[port]
        w = spec.clock.window
        if isinstance(port, AfferentOut):
            return [self.afferent(port, i - lag) for i in range(lag)]
        rows = np.full((w // self.step, len(port.regions)), 0.1)
        return [Signal((i - lag) * w, self.step, rows) for i in range(lag)]

    def afferent(self, port, index):
        w = self.spec.clock.window
        start = (index + port.lag) * w
        columns = np.array(port.sources)
        steps = range(start // self.step + 1, (start + w) // self.step + 1)
        values = np.array([[self.coupling(s, port.target, columns)] for s in steps])
        return Signal(start, self.step, values)

    def accept(self, port, block):
        early = self.config.defect == "early"  # a delay of the wrong sign
        for i, row in enumerate(block.values):
            step = block.start // self.step + i + 1 - 2 * early
            if self.config.defect == "units":
                row = row * 1000
            if self.config.defect == "swapped":
                row = row[::-1]
            if step <= 0:
                self.history[:, self.ports[port].regions] = row
            else:
                self.history[step % self.depth, self.ports[port].regions] = row

    def advance(self, window):
        self.break_if_due("advance", window.index)
        time.sleep(self.config.pause_s)
        own = list(self.spec.regions)
        rows = []
        every = np.arange(self.n)
        for _ in range((window.stop - window.start) // self.step):
            self.now += 1
            drive = np.array([self.coupling(self.now, i, every) for i in own])
            x = self.history[(self.now - 1) % self.depth, own]
            noise = self.noise.at(self.now * self.step).normal(size=self.n)[own]
            x = x + self.config.step * (0.1 * (np.tanh(drive) - x)) + 0.01 * noise
            x = np.abs(x)
            if self.wrong("below", self.now * self.step):
                x[-1] = -x[-1]
            if self.wrong("hot", self.now * self.step):
                x[-1] = 1000.0
            self.history[self.now % self.depth, own] = x
            rows.append(x)
        if self.due("advance", window.index) == "nan":
            toy_faults.mark()
            self.history[self.now % self.depth, own] = np.nan
        times = window.start + np.arange(1, len(rows) + 1) * self.step
        self.sink.append(times * self.spec.clock.tick_ms, np.array(rows))

    def emit(self, port):
        port, w = self.ports[port], self.spec.clock.window
        index = self.now * self.step // w - 1
        if isinstance(port, AfferentOut):
            return self.afferent(port, index)
        steps = np.arange(self.now - w // self.step + 1, self.now + 1)
        values = self.history[steps[:, None] % self.depth, list(port.regions)]
        return Signal(index * w, self.step, values)


class Spikes(Faulty):
    size = 20

    def prepare(self, recorder):
        self.break_if_due("prepare")
        self.step = self.spec.clock.ticks(self.config.step)
        self.ports = {p.name: p for p in (*self.spec.inputs, *self.spec.outputs)}
        self.potential = np.zeros(self.size)
        self.incoming, self.queue, self.steps_done = [], [], 0
        label = self.spec.brain.labels[self.spec.regions[0]]
        self.sinks = [recorder.spikes(label, p, self.size) for p in self.spec.record_spikes]

    def prime(self, port, lag):
        self.break_if_due("prime")
        w = self.spec.clock.window
        return [SpikeBatch.empty((i - lag) * w, (i - lag + 1) * w) for i in range(lag)]

    def accept(self, port, block):
        self.incoming.append(block)

    def advance(self, window):
        self.break_if_due("advance", window.index)
        time.sleep(self.config.pause_s)
        late = self.config.defect == "late"  # a window too late
        self.queue.append(self.incoming)
        taken = self.queue.pop(0) if len(self.queue) > late else []
        shift = late * (window.stop - window.start)
        ticks = np.concatenate([b.ticks + shift for b in taken] or [np.empty(0, np.int64)])
        senders = np.concatenate([b.senders for b in taken] or [np.empty(0, np.int32)])
        self.incoming = []
        out_ticks, out_senders = [], []
        for tick in range(window.start + self.step, window.stop + 1, self.step):
            self.potential *= 0.95
            np.add.at(self.potential, senders[ticks == tick] % self.size, 0.6)
            fired = np.flatnonzero((self.potential > 1.0) | self.wrong("wild", tick))
            fired = fired[:0] if self.wrong("mute", tick) else fired
            self.steps_done += 1
            self.potential[fired] = 0.0
            if self.config.defect == "dropped" and tick == window.stop:
                fired = fired[1:]
            out_ticks += [tick] * len(fired)
            out_senders += fired.tolist()
        self.spikes = SpikeBatch(
            window.start,
            window.stop,
            np.array(out_ticks, np.int64),
            np.array(out_senders, np.int32),
        )
        for sink in self.sinks:
            sink.append(self.spikes)
        if self.due("advance", window.index) == "nan":
            toy_faults.mark()
            late = np.append(self.spikes.ticks, window.stop + 1)
            self.spikes = SpikeBatch(
                window.start, window.stop, late, np.append(self.spikes.senders, np.int32(0))
            )

    def emit(self, port):
        return self.spikes


class Engine:
    def __init__(self, name, kind, simulator, *, exclusive=False):
        self.name, self.kind, self._simulator = name, kind, simulator
        self.exclusive = exclusive

    def config_model(self):
        return ToyConfig

    def check(self, config, labels):
        if config.fault == "check":
            yield Problem(("fault",), "'fault' is 'check'", "a toy that works")

    def step_ms(self, config):
        return config.step

    def exchange_step_ms(self, config):
        return config.step

    def coupling_variables(self, config):
        return ("x",) if self.kind == "mean_field" else ()

    def state_variables(self, config):
        return self.coupling_variables(config)

    def modes(self, config):
        return 1

    def populations(self, config):
        return {"all": Spikes.size} if self.kind == "spiking" else {}

    def signature(self, config):
        return "x"

    def additive(self, config):
        return True

    def ahead_flaw(self, config, variable):
        return ""

    def threads(self, config):
        return 1

    def versions(self):
        return {"toy": "1.0"}

    def seeds(self, name, seed):
        return {}

    def build_models(self, *, force):
        return ()

    def probe(self):
        return "toy 1.0"

    def create(self, spec):
        return self._simulator(spec)


FIELD = Engine("toy_field", "mean_field", Field)
SPIKES = Engine("toy_spikes", "spiking", Spikes)
LONE_SPIKES = Engine("toy_lone_spikes", "spiking", Spikes, exclusive=True)
