"""A transformer that is the usual one until it breaks."""

import numpy as np
import toy_faults

from cosim.messages import Signal
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
        if toy_faults.due(self.faults, self.name, "advance", window.index):
            if self.faults.fault == "nan":
                toy_faults.mark()
                return Signal(out.start, out.step, np.full_like(out.values, np.nan))
            toy_faults.strike(self.faults.fault)
        return out
