"""TVB as the core sees it: a description that needs no import of tvb, and a builder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import Distribution, version
from typing import TYPE_CHECKING, Literal, cast

from cosim_tvb.check import check
from cosim_tvb.check_stimuli import stimulus_misfits
from cosim_tvb.compiled.support import remark
from cosim_tvb.config import TvbConfig, number
from cosim_tvb.facts import ModelFacts, ahead_flaw, model_facts, model_names, nearest

if TYPE_CHECKING:
    from cosim.errors import Problem
    from cosim.scenario.model import ModelConfig
    from cosim.simulator import Simulator, SimulatorSpec


class TvbEngine:
    """Runs mean-field regions with tvb-library; see `cosim.simulator.Engine`."""

    name: str = "tvb"
    kind: Literal["spiking", "mean_field"] = "mean_field"
    exclusive: bool = False

    def config_model(self) -> type[ModelConfig]:
        """Return the class that validates a TVB model's entry."""
        return TvbConfig

    def check(self, config: ModelConfig, labels: Sequence[str]) -> Iterable[Problem]:
        """Look for unknown names, misfitting variables, regions and periods."""
        return check(cast("TvbConfig", config), labels)

    def check_run(
        self, config: ModelConfig, labels: Sequence[str], regions: Sequence[int], duration_ms: float
    ) -> Iterable[Problem]:
        """Look for stimuli of other models' regions, and after the end of the run."""
        return stimulus_misfits(cast("TvbConfig", config), labels, regions, duration_ms)

    def remarks(self, config: ModelConfig) -> Iterable[str]:
        """Say why a compiled loop that was asked for is not used."""
        found = remark(cast("TvbConfig", config))
        return [found] if found else []

    def step_ms(self, config: ModelConfig) -> float:
        """Return the integration step."""
        return cast("TvbConfig", config).step_ms

    def exchange_step_ms(self, config: ModelConfig) -> float:
        """Return the integration step: TVB can stop after any of them."""
        return self.step_ms(config)

    def coupling_variables(self, config: ModelConfig) -> tuple[str, ...]:
        """Return the model's coupling variables in the order of TVB's history."""
        return self._facts(config).coupling_variables

    def state_variables(self, config: ModelConfig) -> tuple[str, ...]:
        """Return all of the model's state variables."""
        return self._facts(config).state_variables

    def modes(self, config: ModelConfig) -> int:
        """Return the model's number of modes."""
        return self._facts(config).modes

    def populations(self, config: ModelConfig) -> Mapping[str, int]:
        """Return nothing: a mean-field region has no neurons."""
        return {}

    def signature(self, config: ModelConfig) -> str:
        """Return coupling variables and modes: models that share these exchange raw states."""
        return f"{','.join(self.coupling_variables(config))};modes={self.modes(config)}"

    def additive(self, config: ModelConfig) -> bool:
        """Tell whether TVB's coupling is proportional to the weighted sum of the senders."""
        coupling = cast("TvbConfig", config).coupling
        offset = coupling.parameters.get("b", 0.0) if coupling.name == "Linear" else 0.0
        return coupling.name in ("Linear", "Scaling") and number(offset) == 0.0

    def ahead_flaw(self, config: ModelConfig, variable: str) -> str:
        """Return why TVB's coupling cannot be computed by the senders alone; empty if it can."""
        return ahead_flaw(cast("TvbConfig", config).coupling.name, self._facts(config), variable)

    def threads(self, config: ModelConfig) -> int:
        """Return 1."""
        return 1

    def versions(self) -> Mapping[str, str]:
        """Return the versions of what an instance computes with, as far as installed."""
        return {
            package: version(package)
            for package in ("tvb-library", "tvb-data", "numpy", "numba")
            if any(True for _ in Distribution.discover(name=package))
        }

    def seeds(self, name: str, seed: int) -> Mapping[str, int]:
        """Return nothing: noise and initial states come from streams of the scenario's seed."""
        return {}

    def build_models(self, *, force: bool) -> Sequence[str]:
        """Return nothing: Numba compiles when a model first runs."""
        return ()

    def probe(self) -> str:
        """Import tvb-library and compile what its models need."""
        from cosim_tvb import library

        model = library.model_class("ReducedWongWang")()
        model.configure()
        return f"tvb-library {version('tvb-library')}, {type(model).__name__}"

    def create(self, spec: SimulatorSpec) -> Simulator:
        """Build an instance.

        Raises
        ------
        UsageError
            If ports and model do not fit together.
        """
        from cosim_tvb.simulator import TvbSimulator

        return TvbSimulator(spec)

    @staticmethod
    def _facts(config: ModelConfig) -> ModelFacts:
        name = cast("TvbConfig", config).model
        found = model_facts(name)
        if found is None:
            raise ValueError(f"there is no model '{name}' {nearest(name, model_names())}".strip())
        return found
