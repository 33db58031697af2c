"""Wiring of what enters a mean-field simulator: spikes as a rate, or other states."""

from __future__ import annotations

from cosim.plan.model import Border, Front, TransformerPlan
from cosim.plan.sheet import Sheet, built, translation, variable_unit
from cosim.ports import ProxyIn, StateOut
from cosim.scenario.conversions import HZ_PER_UNIT, gain_between, gain_from_hz
from cosim.scenario.model import ModelConfig, Named, Sends, Translation
from cosim.scenario.ownership import Owned


def out_of_spikes(
    sheet: Sheet, source: Owned, target: Owned, entry: Sends, border: Border
) -> TransformerPlan:
    """Wire one `sends` entry of a spiking simulator towards a mean-field one."""
    region = sheet.case.brain.labels[source.regions[0]]
    name = f"{region}.{entry.population}.to.{target.name}"
    receiver, step = sheet.config(target), sheet.step(target.name)
    port = sheet.spikes_port(source, entry.population)
    channel = sheet.channel(
        sheet.sends_from(source.name, port), (name, "in"), border.lag, (0, port.size),
        edge=border.shortest, drain=True,
    )
    assert entry.variable is not None
    proxy = ProxyIn(f"proxy.{name}", source.regions, (entry.variable,), step)
    columns = sheet.engine(target).modes(receiver)
    shape = (sheet.rows(step), columns)
    out = sheet.channel((name, "out"), sheet.takes_in(target.name, proxy), 0, shape)
    delay_ms, _ = built(entry.through, sheet.context(name, port.step, step, port.size))
    return TransformerPlan(
        name=name, kind="out_of_spikes", rank=-1,
        label=f"{region} {entry.population} → {target.name}", region=region,
        population=entry.population,
        fronts=(Front(channel, port.step, entry.through, port.size, lag=border.lag),),
        outputs=(out,), through=entry.through, step_out=step, size=port.size, trains=0,
        columns=columns,
        gain=1.0 if entry.gain is None else gain_from_hz(entry.gain, receiver.activity),
        offset=0.0, maximum=None, gating=entry.gating, unit_in="spikes/s",
        unit_out=variable_unit(entry.variable, receiver), delay_ms=delay_ms,
    )


def between_fields(
    sheet: Sheet, source: Owned, target: Owned, border: Border
) -> TransformerPlan | None:
    """Wire the states of one mean-field simulator into the history of another one.

    Returns
    -------
    TransformerPlan or None
        None if the raw states of a like model on the same grid need no conversion.
    """
    sender, receiver = sheet.config(source), sheet.config(target)
    entry = translation(receiver, source.model)
    regions = _border_regions(sheet, source, target)
    step_in, step_out = sheet.step(source.name), sheet.step(target.name)
    variables, target_variables = _variables(sheet, source, target, entry)
    port = StateOut(f"state.{target.name}", regions, variables, step_in)
    proxy = ProxyIn(f"proxy.{source.name}", regions, target_variables, step_out)
    columns_in = len(regions) * len(variables) * sheet.engine(source).modes(sender)
    columns = len(regions) * len(target_variables) * sheet.engine(target).modes(receiver)
    start = sheet.sends_from(source.name, port)
    end = sheet.takes_in(target.name, proxy)
    if entry is None and step_in == step_out:
        shape = (sheet.rows(step_out), columns)
        sheet.channel(start, end, border.lag, shape, edge=border.shortest)
        return None
    name = f"{source.name}.to.{target.name}"
    channel = sheet.channel(
        start, (name, "in"), border.lag, (sheet.rows(step_in), columns_in), edge=border.shortest
    )
    out = sheet.channel((name, "out"), end, 0, (sheet.rows(step_out), columns))
    gain, unit_in, unit_out = _conversion(entry, sender, receiver)
    return TransformerPlan(
        name=name, kind="between", rank=-1, label=f"{source.name} → {target.name}",
        region=sheet.case.brain.labels[regions[0]],
        population="", fronts=(Front(channel, step_in, lag=border.lag),), outputs=(out,),
        through=Named(name="resample" if entry is None else "translate"), step_out=step_out,
        size=len(regions), trains=0, columns=columns, gain=gain, offset=0.0, maximum=None,
        gating=entry.gating if entry is not None else None, unit_in=unit_in, unit_out=unit_out,
        delay_ms=0.0,
    )


def _variables(
    sheet: Sheet, source: Owned, target: Owned, entry: Translation | None
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the variables that leave the source and those that they become."""
    sender, receiver = sheet.config(source), sheet.config(target)
    if entry is None:
        outgoing = sheet.engine(source).coupling_variables(sender)
        return outgoing, sheet.engine(target).coupling_variables(receiver)
    assert sender.activity is not None
    return (sender.activity.variable,), (entry.variable,)


def _border_regions(sheet: Sheet, source: Owned, target: Owned) -> tuple[int, ...]:
    weights = sheet.case.brain.weights
    return tuple(j for j in source.regions if (weights[list(target.regions), j] != 0).any())


def _conversion(
    entry: Translation | None, sender: ModelConfig, receiver: ModelConfig
) -> tuple[float, str, str]:
    """Return gain, and the units before and after it."""
    if entry is None:
        return 1.0, "1", "1"
    assert sender.activity is not None
    unit_in, unit_out = sender.activity.unit, variable_unit(entry.variable, receiver)
    if entry.gain is not None:
        return gain_between(entry.gain, sender.activity, receiver.activity), unit_in, unit_out
    return HZ_PER_UNIT.get(unit_in, 1.0), unit_in, unit_out
