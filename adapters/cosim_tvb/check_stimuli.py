"""Everything that can be wrong with the stimuli of a mean-field model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from cosim.clock import to_ns
from cosim.errors import Problem
from cosim_tvb.check_names import Path, nowhere, unknown
from cosim_tvb.config import Stimulus, TvbConfig, matches
from cosim_tvb.facts import ModelFacts

_SPHERE = ("mu1", "mu2", "nu")
#: Parameters from which tvb-library's class computes something once for all regions.
SHARED: Final[Mapping[str, tuple[str, ...]]] = {
    "EpileptorCodim3": tuple(f"{n}_{at}" for at in ("start", "stop") for n in _SPHERE),
    "EpileptorCodim3SlowMod": tuple(
        f"{n}_{at}" for at in ("Ain", "Bin", "Aend", "Bend") for n in _SPHERE
    ),
    "ReducedSetFitzHughNagumo": ("a", "sigma", "mu"),
    "ReducedSetHindmarshRose": ("r", "c", "s", "xo", "sigma", "mu"),
}


def stimulus_problems(
    config: TvbConfig, model: ModelFacts, labels: Sequence[str]
) -> Iterator[Problem]:
    """Yield what is wrong with the stimuli, addressed relative to the model's entry.

    Parameters
    ----------
    config
        The entry.
    model
        What is known of its model.
    labels
        Names of all regions of the brain.
    """
    for i, stimulus in enumerate(config.stimuli):
        path: Path = ("stimuli", i)
        for place, pattern in _patterns(path, stimulus):
            yield from nowhere(place, pattern, labels)
        yield from _parameter((*path, "parameter"), stimulus.parameter, config.model, model)
        yield from _times(path, stimulus, config.step_ms)


def stimulus_misfits(
    config: TvbConfig, labels: Sequence[str], regions: Sequence[int], duration_ms: float
) -> Iterator[Problem]:
    """Yield the stimuli of regions that the model does not simulate, or after the end.

    Parameters
    ----------
    config
        The model's entry.
    labels
        Names of all regions of the brain.
    regions
        Indices of those that the model simulates.
    duration_ms
        Length of the run.
    """
    for i, stimulus in enumerate(config.stimuli):
        for place, pattern in _patterns(("stimuli", i), stimulus):
            meant = set(matches(pattern, labels))
            if meant and not meant & set(regions):
                own = ", ".join(labels[r] for r in regions[:6])
                more = ", ..." if len(regions) > 6 else ""
                message = f"this model simulates no region that '{pattern}' matches"
                yield Problem(place, message, f"some of {own}{more}")
        if stimulus.start < stimulus.stop and stimulus.stop > duration_ms:
            key = "start" if stimulus.start >= duration_ms else "stop"
            yield Problem(
                ("stimuli", i, key),
                f"{key} is {getattr(stimulus, key):g} ms, but the run ends at {duration_ms:g} ms",
                f"a time up to {duration_ms:g} ms, or a longer duration",
            )


def _patterns(path: Path, stimulus: Stimulus) -> Iterator[tuple[Path, str]]:
    if isinstance(stimulus.regions, str):
        yield (*path, "regions"), stimulus.regions
    else:
        for j, pattern in enumerate(stimulus.regions):
            yield (*path, "regions", j), pattern


def _parameter(path: Path, name: str, model: str, known: ModelFacts) -> Iterator[Problem]:
    default: Sequence[object] | None = known.parameters.get(name)
    right = "a parameter that is one number with a fraction"
    if default is None:
        yield unknown(path, f"parameter of {model}", name, tuple(known.parameters))
    elif len(default) > 1:
        yield Problem(path, f"{name} is a list of {len(default)} numbers", right)
    elif not isinstance(default[0], float):
        kind = "a switch" if isinstance(default[0], bool) else "a whole number"
        yield Problem(path, f"{name} is {kind}", right)
    elif name in SHARED.get(model, ()):
        message = f"{name} is the same in all regions: {model} computes one thing for all from it"
        yield Problem(path, message, "another parameter")


def _times(path: Path, stimulus: Stimulus, step_ms: float) -> Iterator[Problem]:
    sound = True
    for key in ("start", "stop"):
        time_ms = getattr(stimulus, key)
        if time_ms < 0 or not _on_grid(time_ms, step_ms):
            sound = False
            expected = f"a multiple of the integration step, {step_ms:g} ms, and not negative"
            yield Problem((*path, key), f"{key} is {time_ms:g} ms", expected)
    if sound and stimulus.stop <= stimulus.start:
        message = f"stop is {stimulus.stop:g} ms and start {stimulus.start:g} ms"
        yield Problem((*path, "stop"), message, "a stop after the start")


def _on_grid(time_ms: float, step_ms: float) -> bool:
    try:
        return to_ns(time_ms) % to_ns(step_ms) == 0
    except (ValueError, ZeroDivisionError):
        return False
