"""NEST as the core sees it: an engine that describes itself without being imported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, cast

from cosim.errors import Problem
from cosim.scenario.model import ModelConfig
from cosim.simulator import Engine, Simulator, SimulatorSpec
from cosim_nest.config import NestConfig
from cosim_nest.consistency import min_delay_ms
from cosim_nest.models import eglif


def _own(config: ModelConfig) -> NestConfig:
    return cast("NestConfig", config)


class NestEngine:
    """Spiking networks in NEST; each instance is one region and needs a process of its own."""

    name = "nest"
    kind: Literal["spiking", "mean_field"] = "spiking"
    exclusive = True

    def config_model(self) -> type[ModelConfig]:
        """Return the class that validates NEST's entries under `models`."""
        return NestConfig

    def check(self, config: ModelConfig, labels: Sequence[str]) -> Iterable[Problem]:
        """Yield models, parameters and rules that NEST does not have; imports NEST."""
        from cosim_nest.checks import check

        return check(_own(config))

    def step_ms(self, config: ModelConfig) -> float:
        """Return the resolution."""
        return float(_own(config).resolution)

    def exchange_step_ms(self, config: ModelConfig) -> float:
        """Return the network's minimum delay, between whose multiples NEST cannot stop."""
        return min_delay_ms(_own(config))

    def coupling_variables(self, config: ModelConfig) -> tuple[str, ...]:
        """Return nothing: a spiking network has no coupling variables."""
        return ()

    def state_variables(self, config: ModelConfig) -> tuple[str, ...]:
        """Return nothing: a spiking network has populations."""
        return ()

    def modes(self, config: ModelConfig) -> int:
        """Return 1."""
        return 1

    def populations(self, config: ModelConfig) -> Mapping[str, int]:
        """Return name and size of every population."""
        return _own(config).populations

    def signature(self, config: ModelConfig) -> str:
        """Return nothing: no raw states are exchanged with a spiking network."""
        return ""

    def additive(self, config: ModelConfig) -> bool:
        """Return True: spikes add up."""
        return True

    def ahead_flaw(self, config: ModelConfig, variable: str) -> str:
        """Return nothing: a spiking network sends spikes, whatever becomes of them."""
        return ""

    def threads(self, config: ModelConfig) -> int:
        """Return the threads of the kernel."""
        return _own(config).threads

    def versions(self) -> Mapping[str, str]:
        """Return NEST's version and the digest of the neuron model that is compiled for it.

        NEST is imported only where it was not installed as a package.
        """
        compiled = {eglif.MODEL: eglif.SOURCE.digest} if eglif.available() else {}
        try:
            return {"nest": version("nest-simulator"), **compiled}
        except PackageNotFoundError:
            from cosim_nest.kernel import load

            return {"nest": str(load().__version__), **compiled}

    def build_models(self, *, force: bool) -> Iterable[str]:
        """Compile the neurons that NEST lacks, unless they are compiled, and say so."""
        from cosim_nest.models.build import build_models

        return build_models(force=force)

    def seeds(self, name: str, seed: int) -> Mapping[str, int]:
        """Return the kernel's seed, which the simulator's name makes its own."""
        from cosim_nest.kernel import rng_seed

        return {"rng_seed": rng_seed(seed, name)}

    def probe(self) -> str:
        """Run two neurons for a moment."""
        from cosim_nest.kernel import load

        nest = load()
        nest.ResetKernel()
        source = nest.Create("poisson_generator", params={"rate": 1e4})
        target = nest.Create("iaf_psc_alpha")
        nest.Connect(source, target, syn_spec={"weight": 100.0})
        nest.Simulate(20.0)
        return f"NEST {nest.__version__}, {nest.local_num_threads} thread"

    def create(self, spec: SimulatorSpec) -> Simulator:
        """Build an instance; the kernel is taken when it prepares."""
        from cosim_nest.simulator import NestSimulator

        return NestSimulator(spec)


ENGINE: Engine = NestEngine()
