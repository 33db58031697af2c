"""Wiring of what enters a spiking region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cosim.plan.model import Border, Front, TransformerPlan
from cosim.plan.sheet import Sheet, built, sent
from cosim.ports import AfferentOut, RatesIn, TrainsIn
from cosim.scenario.checks import RATES
from cosim.scenario.conversions import gain_to_hz
from cosim.scenario.model import ModelConfig, Receives
from cosim.scenario.ownership import Owned

RELAY = "relay"


def into_spikes(
    sheet: Sheet, target: Owned, index: int, entry: Receives,
    carried: Mapping[tuple[str, str], Border],
) -> TransformerPlan | None:
    """Wire one `receives` entry of a spiking simulator.

    Parameters
    ----------
    index
        Place of the entry, part of the transformer's name.
    carried
        Borders by source and target.

    Returns
    -------
    TransformerPlan or None
        None if no edge reaches the region and there is no background.
    """
    place = sheet.region(target, entry)
    region = sheet.case.brain.labels[place]
    name = f"{region}.{entry.population}.in{index}"
    fronts = tuple(_fronts(sheet, target, place, name, entry, carried))
    if not fronts and entry.background == 0:
        return None
    step = sheet.step(target.name)
    relayed, direct = entry.through.name == RELAY, entry.through.name == RATES
    size = sum(f.size for f in fronts) if relayed else sheet.size(target, entry.population)
    context = sheet.context(name, step, step, size)
    delay_ms, trains = (0.0, 0) if direct else built(entry.through, context)
    port: RatesIn | TrainsIn
    if direct:
        port = RatesIn(name, entry.population, step, entry.synapse)
    else:
        port = TrainsIn(name, entry.population, trains, step, entry.synapse)
    shape = (sheet.rows(step), 1) if direct else (0, trains)
    out = sheet.channel((name, "out"), sheet.takes_in(target.name, port), 0, shape)
    first = sheet.case.scenario.models[entry.sources[0]]
    return TransformerPlan(
        name=name, kind="relay" if relayed else "into_spikes", rank=-1, home=target.name,
        across=_across(sheet, target, entry, carried),
        label=f"{', '.join(entry.sources)} → {region} {entry.population}", region=region,
        population=entry.population, fronts=fronts, outputs=(out,), through=entry.through,
        step_out=step, size=size, trains=trains, columns=1,
        gain=1.0 if entry.gain is None else gain_to_hz(entry.gain, first.activity),
        offset=entry.background, maximum=entry.maximum, gating=None, unit_in=_unit(first),
        unit_out="spikes/s", delay_ms=delay_ms + _smoothing_ms(sheet, fronts, step),
    )


def _across(
    sheet: Sheet, target: Owned, entry: Receives, carried: Mapping[tuple[str, str], Border]
) -> str:
    """Return the first mean-field simulator that sends, or the target itself."""
    senders = (
        s.name for s in sheet.owned.values()
        if s.kind == "mean_field" and s.model in entry.sources
        and (s.name, target.name) in carried
    )
    return next(senders, target.name)


def _fronts(
    sheet: Sheet, target: Owned, region: int, name: str, entry: Receives,
    carried: Mapping[tuple[str, str], Border],
) -> Iterator[Front]:
    for source in sheet.owned.values():
        border = carried.get((source.name, target.name))
        if border is None or source.model not in entry.sources:
            continue
        if source.kind == "mean_field":
            yield from _afferent(sheet, source, region, name, border)
        else:
            yield from _from_spikes(sheet, source, target.model, region, name, border, entry)


def _afferent(
    sheet: Sheet, source: Owned, region: int, name: str, border: Border
) -> Iterator[Front]:
    """Wire coupling that the mean-field sender computes, delays and weights included."""
    weights = sheet.case.brain.weights
    sources = tuple(j for j in source.regions if weights[region, j] != 0)
    if not sources:
        return
    activity = sheet.config(source).activity
    assert activity is not None
    step = sheet.step(source.name)
    port = AfferentOut(f"coupling.{name}", region, sources, activity.variable, step, border.lag)
    channel = sheet.channel(
        sheet.sends_from(source.name, port), (name, f"in.{source.name}"), border.lag,
        (sheet.rows(step), 1), edge=border.shortest,
    )
    yield Front(channel, step, lag=border.lag)


def _from_spikes(
    sheet: Sheet, source: Owned, model: str, region: int, name: str, border: Border,
    entry: Receives,
) -> Iterator[Front]:
    """Wire spikes of another spiking region, to be weighted and delayed by the transformer."""
    for sending in sent(sheet.config(source), model):
        sender = sheet.region(source, sending)
        weight = float(sheet.case.brain.weights[region, sender])
        if weight == 0:
            continue
        port = sheet.spikes_port(source, sending.population)
        channel = sheet.channel(
            sheet.sends_from(source.name, port),
            (name, f"in.{source.name}.{sending.population}"), border.lag, (0, port.size),
            edge=border.shortest,
        )
        through = None if entry.through.name == RELAY else sending.through
        delay = sheet.delay(region, sender, port.step)
        yield Front(channel, port.step, through, port.size, weight, delay, border.lag)


def _smoothing_ms(sheet: Sheet, fronts: tuple[Front, ...], step: int) -> float:
    """Return the longest mean delay of what turns spikes of the sources into rates."""
    return max(
        (
            built(f.through, sheet.context(f.channel, f.step, step, f.size))[0]
            for f in fronts if f.through is not None
        ),
        default=0.0,
    )


def _unit(config: ModelConfig) -> str:
    return config.activity.unit if config.activity is not None else "spikes/s"
