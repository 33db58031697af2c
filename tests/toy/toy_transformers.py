"""Transformers that are the usual ones until they break, and one that is quick to start."""

import math

import numpy as np
import toy_faults

from cosim.messages import Signal
from cosim.scenario.fields import Section
from cosim.transformers.rates_to_spikes import Poisson, TrainsParameters
from cosim.transformers.spikes_to_rates import RateParameters, SpikesToRates


class BreakingRates(SpikesToRates):
    class Parameters(toy_faults.Faults, RateParameters):
        pass

    built = 0

    def __init__(self, parameters, context):
        super().__init__(parameters, context)
        if parameters.fault == "refuse":
            raise ValueError(f"{context.size} neurons are too many; expected at most 1")
        self.faults, self.name = parameters, context.name
        # The plan builds one too, to ask it for its delay; that one must not break.
        BreakingRates.built += 1
        if BreakingRates.built > 1 and toy_faults.due(parameters, self.name, "prepare"):
            toy_faults.strike("prepare")

    def convert(self, block, window):
        out = super().convert(block, window)
        if self.faults.fault == "random":
            # Numbers that depend on how time is cut into windows.
            noise = np.random.default_rng(1000 + window.index).random(out.values.shape)
            out = Signal(out.start, out.step, out.values * noise)
        if self.faults.fault == "negative":
            out = Signal(out.start, out.step, -out.values)
        fault = toy_faults.due(self.faults, self.name, "advance", window.index)
        if fault == "nan":
            toy_faults.mark()
            return Signal(out.start, out.step, np.full_like(out.values, np.nan))
        toy_faults.strike(fault)
        return out


class BreakingTrains(Poisson):
    class Parameters(toy_faults.Faults, TrainsParameters):
        pass

    def __init__(self, parameters, context):
        super().__init__(parameters, context)
        self.faults, self.name = parameters, context.name

    def convert(self, block, window):
        toy_faults.strike(toy_faults.due(self.faults, self.name, "advance", window.index))
        return super().convert(block, window)


class LeakyRates:
    """Smooths spikes with a leaky integrator, for which a rank need not load a library."""

    direction = "spikes_to_rates"
    delay_ms = 5.0
    trains = 0

    class Parameters(toy_faults.Faults, Section):
        pass

    def __init__(self, parameters, context):
        self.faults, self.context = parameters, context
        self.rate_hz = 0.0

    def convert(self, block, window):
        toy_faults.strike(
            toy_faults.due(self.faults, self.context.name, "advance", window.index)
        )
        step = self.context.step_out
        step_ms = step * self.context.tick_ms
        kept = math.exp(-step_ms / self.delay_ms)
        values = np.zeros(((window.stop - window.start) // step, 1))
        if window.stop > 0:
            bins = (block.ticks - window.start - 1) // step
            counts = np.bincount(bins, minlength=len(values))
            for i, count in enumerate(counts * 1e3 / (self.context.size * step_ms)):
                self.rate_hz = kept * self.rate_hz + (1 - kept) * count
                values[i] = self.rate_hz
        return Signal(window.start, step, values)
