"""Everything that can be wrong with the monitors of a mean-field model."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from cosim.clock import to_ns
from cosim.errors import Problem
from cosim.scenario.fields import Named
from cosim.units import parse
from cosim_tvb.config import TvbConfig, matches, monitor_period_ms, number
from cosim_tvb.facts import ModelFacts, MonitorFacts, facts, nearest

_Path = tuple[str | int, ...]

#: Monitors that need what a brain of regions does not have, and why.
_IMPOSSIBLE = {
    "BoldRegionROI": "it averages over the vertices of a cortical surface",
    "ProgressLogger": "it only logs; the run reports its own progress",
}
#: Monitors with a lead field, and where TVB looks for it in tvb-data.
_LEAD_FIELDS = {
    "EEG": "projectionMatrix/projection_eeg_65_surface_16k.npy",
    "MEG": "projectionMatrix/projection_meg_276_surface_16k.npy",
    "iEEG": "projectionMatrix/projection_seeg_588_surface_16k.npy",
}
#: What a scenario may say of a monitor; TVB's other attributes are objects.
_SETTABLE = (
    "period",
    "variables_of_interest",
    "hrf_kernel",
    "hrf_length",
    "spatial_mask",
    "reference",
    "sigma",
)
#: The connectome whose regions tvb-data's lead fields are for.
_LEAD_FIELD_CONNECTOME = "connectivity/connectivity_76.zip"
#: Length in ms of the averages that the Bold monitor convolves.
_BOLD_INTERIM_MS = 4.0


def monitor_problems(
    config: TvbConfig, model: ModelFacts | None, labels: Sequence[str]
) -> Iterator[Problem]:
    """Yield what is wrong with the monitors, addressed relative to the model's entry."""
    legal = facts().monitors
    for i, monitor in enumerate(config.monitors):
        known = legal.get(monitor.name)
        if known is None:
            hint = nearest(monitor.name, legal)
            yield Problem(("monitors", i), f"there is no monitor '{monitor.name}'", hint=hint)
            continue
        path = ("monitors", i, monitor.name)
        if monitor.name in _IMPOSSIBLE:
            yield Problem(path[:2], f"{monitor.name} cannot be used: {_IMPOSSIBLE[monitor.name]}")
            continue
        misspelt = list(_keys(path, monitor, known))
        yield from misspelt
        if "period" in monitor.parameters or not misspelt:
            yield from _period(path, monitor, known, config.step_ms)
        yield from _watched(path, monitor, known, config, model)
        if monitor.name == "Bold":
            yield from _bold(path, monitor, config.step_ms)
        elif monitor.name == "SpatialAverage":
            yield from _mask(path, monitor, labels)
        elif monitor.name in _LEAD_FIELDS:
            yield from _lead_field(path[:2], monitor, labels)


def settable(known: MonitorFacts) -> tuple[str, ...]:
    """Return the keys that a scenario may give a monitor."""
    useless = {"period"} if known.every_step else set()
    return tuple(n for n in known.parameters if n in _SETTABLE and n not in useless)


def _keys(path: _Path, monitor: Named, known: MonitorFacts) -> Iterator[Problem]:
    legal = settable(known)
    for name in monitor.parameters:
        if name == "period" and known.every_step:
            yield Problem((*path, name), f"{monitor.name} samples every step, not at a period")
        elif name not in legal:
            message = f"there is no parameter '{name}' of {monitor.name}"
            expected = f"one of {', '.join(legal)}"
            yield Problem((*path, name), message, expected, nearest(name, legal))
    for name in ("hrf_length", "sigma"):
        if name in monitor.parameters and name in legal:
            read = number if name == "sigma" else _positive_ms
            try:
                read(monitor.parameters[name])
            except ValueError as err:
                yield Problem((*path, name), f"{name} is {monitor.parameters[name]!r}: {err}")


def _positive_ms(value: object) -> float:
    found = parse(value, "ms")
    if found <= 0:
        raise ValueError("expected a positive time")
    return found


def _period(path: _Path, monitor: Named, known: MonitorFacts, step_ms: float) -> Iterator[Problem]:
    if known.every_step:
        return
    given = "period" in monitor.parameters
    at = (*path, "period") if given else path
    said = "period is" if given else "no period is given and TVB's own is"
    try:
        period_ms = monitor_period_ms(monitor, known.period)
    except ValueError as err:
        yield Problem(at, f"period is {monitor.parameters['period']!r}: {err}")
        return
    if period_ms <= 0 or not _is_multiple(period_ms, step_ms):
        expected = f"a positive multiple of the integration step, {step_ms:g} ms"
        yield Problem(at, f"{said} {period_ms:g} ms", expected)
    elif monitor.name == "Bold" and not _is_multiple(period_ms, _BOLD_INTERIM_MS):
        yield Problem(at, f"{said} {period_ms:g} ms", f"a multiple of {_BOLD_INTERIM_MS:g} ms")


def _is_multiple(time_ms: float, of_ms: float) -> bool:
    try:
        return to_ns(time_ms) % to_ns(of_ms) == 0
    except (ValueError, ZeroDivisionError):
        return False


def _watched(
    path: _Path,
    monitor: Named,
    known: MonitorFacts,
    config: TvbConfig,
    model: ModelFacts | None,
) -> Iterator[Problem]:
    if "variables_of_interest" not in known.parameters or model is None:
        return
    at = (*path, "variables_of_interest")
    given = monitor.parameters.get("variables_of_interest")
    if monitor.name == "Raw" and given is not None:
        yield Problem(at, "Raw records all that the model observes", hint="did you mean 'RawVoi'?")
        return
    legal = watchable(known, config, model)
    if given is None:
        return
    if not isinstance(given, list | tuple) or not given:
        yield Problem(at, f"variables_of_interest is {given!r}", "a list of variables")
        return
    for i, name in enumerate(given):
        if name not in legal:
            message = f"{monitor.name} cannot watch '{name}'"
            expected = f"one of {', '.join(legal)}"
            yield Problem((*at, i), message, expected, nearest(str(name), legal))


def watchable(known: MonitorFacts, config: TvbConfig, model: ModelFacts) -> tuple[str, ...]:
    """Return the names among which a monitor's variables of interest are chosen."""
    if known.of == "state":
        return config.variables_of_interest or model.observed
    coupling = facts().couplings.get(config.coupling.name)
    if coupling is None or coupling.outputs == 2:
        return model.coupling_variables
    return model.coupling_variables[: coupling.outputs]


def _bold(path: _Path, monitor: Named, step_ms: float) -> Iterator[Problem]:
    if not _is_multiple(_BOLD_INTERIM_MS, step_ms):
        message = f"Bold averages over {_BOLD_INTERIM_MS:g} ms, no multiple of the step"
        yield Problem(path, message, f"an integration step that divides {_BOLD_INTERIM_MS:g} ms")
    kernel = monitor.parameters.get("hrf_kernel")
    if kernel is None:
        return
    at = (*path, "hrf_kernel")
    try:
        kernel = Named.model_validate(kernel)
    except ValueError:
        yield Problem(at, f"hrf_kernel is {kernel!r}", "a name, or {name: {key: value}}")
        return
    legal = facts().hrf_kernels
    if kernel.name not in legal:
        expected = f"one of {', '.join(legal)}"
        message = f"there is no kernel '{kernel.name}'"
        yield Problem(at, message, expected, nearest(kernel.name, legal))
        return
    for name, value in kernel.parameters.items():
        where = (*at, kernel.name, name)
        if name not in legal[kernel.name]:
            message = f"there is no parameter '{name}' of {kernel.name}"
            expected = f"one of {', '.join(legal[kernel.name])}"
            yield Problem(where, message, expected, nearest(name, legal[kernel.name]))
            continue
        try:
            number(value)
        except ValueError as err:
            yield Problem(where, f"{name} is {value!r}: {err}")


def _mask(path: _Path, monitor: Named, labels: Sequence[str]) -> Iterator[Problem]:
    at = (*path, "spatial_mask")
    expected = "the number of an area by region: {default: 0, 'l*': 1}, counted from 0"
    mask = monitor.parameters.get("spatial_mask")
    if mask is None:
        yield Problem(path, "SpatialAverage has no spatial_mask", expected)
    elif not isinstance(mask, dict) or not all(
        isinstance(v, int) and not isinstance(v, bool) and v >= 0 for v in mask.values()
    ):
        yield Problem(at, f"spatial_mask is {mask!r}", expected)
    else:
        for key in mask:
            if key != "default" and not any(True for _ in matches(key, labels)):
                message = f"no region of the brain matches '{key}'"
                yield Problem((*at, key), message, hint=nearest(key, labels))
        areas = set(mask.values()) | ({0} if "default" not in mask else set())
        if areas != set(range(len(areas))):
            yield Problem(at, f"areas are {sorted(areas)}", "numbers from 0 without a gap")


def _data() -> Path | None:
    found = find_spec("tvb_data")
    return Path(found.origin).parent if found is not None and found.origin is not None else None


@cache
def lead_field_regions(data: Path) -> tuple[str, ...]:
    """Return the regions that the lead fields of tvb-data in this folder are for."""
    with zipfile.ZipFile(data / _LEAD_FIELD_CONNECTOME) as archive:
        name = next(n for n in archive.namelist() if Path(n).stem in {"centres", "centers"})
        lines = archive.read(name).decode().splitlines()
    return tuple(line.split()[0] for line in lines if line.strip())


def _lead_field(path: _Path, monitor: Named, labels: Sequence[str]) -> Iterator[Problem]:
    data = _data()
    if data is None:
        message = f"{monitor.name} needs the sensors and lead fields of tvb-data"
        yield Problem(path, message, "tvb-data installed")
        return
    file = _LEAD_FIELDS[monitor.name]
    right = lead_field_regions(data)
    if not (data / file).exists():
        message = f"the installed tvb-data has no lead field for {monitor.name}"
        yield Problem(path, message, f"a tvb-data with {file}")
    elif tuple(labels) != right:
        message = (
            f"the lead field of {monitor.name} that tvb-data has is for the {len(right)} regions "
            "of its default connectome, and this brain has others"
        )
        yield Problem(path, message, "another monitor, or that connectome without an overlay")
