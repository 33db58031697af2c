"""Wiring of what enters a mean-field simulator: spikes as a rate, or other states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cosim.plan.model import Border, Front, TransformerPlan
from cosim.plan.sheet import Sheet, built, translations, unit_of
from cosim.ports import ProxyIn, StateOut
from cosim.scenario.conversions import HZ_PER_UNIT, gain_between, gain_from_hz, sent_activity
from cosim.scenario.fields import Named
from cosim.scenario.model import ModelConfig, Sends, Translation
from cosim.scenario.ownership import Owned


def out_of_spikes(
    sheet: Sheet, source: Owned, target: Owned, entry: Sends, border: Border
) -> TransformerPlan | None:
    """Wire one `sends` entry of a spiking simulator towards a mean-field one.

    Returns
    -------
    TransformerPlan or None
        None if no edge leads from the entry's region to the mean-field simulator.
    """
    place = sheet.region(source, entry)
    if not (sheet.case.brain.weights[list(target.regions), place] != 0).any():
        return None
    region = sheet.case.brain.labels[place]
    name = f"{region}.{entry.population}.to.{target.name}"
    receiver, step = sheet.config(target), sheet.step(target.name)
    port = sheet.spikes_port(source, entry.population)
    channel = sheet.channel(
        sheet.sends_from(source.name, port), (name, "in"), border.lag, (0, port.size),
        edge=border.shortest, drain=True,
    )
    assert entry.variable is not None
    proxy = ProxyIn(f"proxy.{name}", (place,), (entry.variable,), step)
    columns = sheet.engine(target).modes(receiver)
    shape = (sheet.rows(step), columns)
    out = sheet.channel((name, "out"), sheet.takes_in(target.name, proxy), 0, shape)
    delay_ms, _ = built(entry.through, sheet.context(name, port.step, step, port.size))
    return TransformerPlan(
        name=name, kind="out_of_spikes", rank=-1, home=source.name,
        across=target.name,
        label=f"{region} {entry.population} → {target.name}", region=region,
        population=entry.population,
        fronts=(Front(channel, port.step, entry.through, port.size, lag=border.lag),),
        outputs=(out,), through=entry.through, step_out=step, size=port.size, trains=0,
        columns=columns,
        gain=1.0 if entry.gain is None else gain_from_hz(entry.gain, receiver.activity),
        offset=0.0, maximum=None, gating=entry.gating, unit_in="spikes/s",
        unit_out=unit_of(receiver), delay_ms=delay_ms,
    )


@dataclass(frozen=True)
class Passage:
    """What leaves one mean-field simulator, and what it becomes in the other one.

    Parameters
    ----------
    name
        Distinguishes the passages of a border.
    outgoing, incoming
        Variables on both sides.
    entry
        The `translate` entry; None for raw states of like models.
    gain, unit_in, unit_out
        Conversion and its units.
    """

    name: str
    outgoing: tuple[str, ...]
    incoming: tuple[str, ...]
    entry: Translation | None = None
    gain: float = 1.0
    unit_in: str = "1"
    unit_out: str = "1"


def between_fields(
    sheet: Sheet, source: Owned, target: Owned, border: Border
) -> Iterator[TransformerPlan]:
    """Wire the states of one mean-field simulator into the history of another one.

    Raw states of a like model on the same grid need no transformer: none is yielded.
    """
    sender, receiver = sheet.config(source), sheet.config(target)
    entries = translations(receiver, source.model)
    if entries:
        for entry in entries:
            yield from _pass(sheet, source, target, border, _translated(entry, sender, receiver))
        return
    outgoing = sheet.engine(source).coupling_variables(sender)
    incoming = sheet.engine(target).coupling_variables(receiver)
    yield from _pass(sheet, source, target, border, Passage("state", outgoing, incoming))


def _translated(entry: Translation, sender: ModelConfig, receiver: ModelConfig) -> Passage:
    activity = sent_activity(entry, sender)
    assert activity is not None
    if entry.gain is not None:
        gain = gain_between(entry.gain, activity, receiver.activity)
    else:
        gain = HZ_PER_UNIT.get(activity.unit, 1.0)
    unit_out = unit_of(receiver)
    return Passage(
        entry.variable, (activity.variable,), (entry.variable,), entry, gain, activity.unit,
        unit_out,
    )


def _pass(
    sheet: Sheet, source: Owned, target: Owned, border: Border, passage: Passage
) -> Iterator[TransformerPlan]:
    regions = _border_regions(sheet, source, target)
    step_in, step_out = sheet.step(source.name), sheet.step(target.name)
    port = StateOut(f"{passage.name}.{target.name}", regions, passage.outgoing, step_in)
    proxy = ProxyIn(f"proxy.{source.name}.{passage.name}", regions, passage.incoming, step_out)
    modes_in = sheet.engine(source).modes(sheet.config(source))
    modes_out = sheet.engine(target).modes(sheet.config(target))
    columns = len(regions) * len(passage.incoming) * modes_out
    start, end = sheet.sends_from(source.name, port), sheet.takes_in(target.name, proxy)
    shape = (sheet.rows(step_out), columns)
    if passage.entry is None and step_in == step_out:
        sheet.channel(start, end, border.lag, shape, edge=border.shortest)
        return
    name = f"{source.name}.to.{target.name}.{passage.name}"
    shape_in = (sheet.rows(step_in), len(regions) * len(passage.outgoing) * modes_in)
    channel = sheet.channel(start, (name, "in"), border.lag, shape_in, edge=border.shortest)
    out = sheet.channel((name, "out"), end, 0, shape)
    how = "resample" if passage.entry is None else "translate"
    yield TransformerPlan(
        name=name, kind="between", rank=-1, home=target.name,
        across=source.name,
        label=f"{source.name} → {target.name}", region=sheet.case.brain.labels[regions[0]],
        population="", fronts=(Front(channel, step_in, lag=border.lag),), outputs=(out,),
        through=Named(name=how), step_out=step_out, size=len(regions), trains=0, columns=columns,
        gain=passage.gain, offset=0.0, maximum=None,
        gating=passage.entry.gating if passage.entry is not None else None,
        unit_in=passage.unit_in, unit_out=passage.unit_out, delay_ms=0.0,
    )


def _border_regions(sheet: Sheet, source: Owned, target: Owned) -> tuple[int, ...]:
    weights = sheet.case.brain.weights
    return tuple(j for j in source.regions if (weights[list(target.regions), j] != 0).any())
