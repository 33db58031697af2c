"""Gains between the activity of a mean-field model and spikes/s, each with its unit."""

from __future__ import annotations

from cosim.scenario.model import Activity, ModelConfig, Translation
from cosim.units import UNITS, parse, split_quantity

#: spikes/s in one unit of an activity that is a rate.
HZ_PER_UNIT = {"Hz": UNITS["Hz"]["Hz"], "kHz": UNITS["Hz"]["kHz"]}


def _number(raw: str | float, why: str) -> float:
    if isinstance(raw, str):
        parts = split_quantity(raw)
        if parts is None or parts[1]:
            raise ValueError(f"expected a number without unit, because {why}")
        return parts[0]
    return float(raw)


def gain_to_hz(raw: str | float, activity: Activity | None) -> float:
    """Return spikes/s per unit of the sender's activity.

    Parameters
    ----------
    raw
        The `gain` of a `receives` entry: a rate (``300 Hz``) for a dimensionless activity, a
        plain number for one that is itself a rate.
    activity
        The sender's activity; None for a spiking sender, whose activity is in spikes/s.

    Raises
    ------
    ValueError
        If the unit does not fit.
    """
    if activity is None:
        return _number(raw, "the sender's activity is in spikes/s already")
    if activity.unit == "1":
        return parse(raw, "Hz")
    why = f"{activity.variable} is a rate in {activity.unit}"
    return _number(raw, why) * HZ_PER_UNIT[activity.unit]


def gain_from_hz(raw: str | float, target: Activity | None) -> float:
    """Return units of the receiving variable per spike/s.

    Parameters
    ----------
    raw
        The `gain` of a `sends` entry: ``0.01 /Hz`` into a dimensionless variable, a plain number
        into one that is a rate.
    target
        What the receiver says of its activity; a dimensionless variable if it says nothing.
    """
    if target is None or target.unit == "1":
        return parse(raw, "/Hz")
    return _number(raw, f"{target.variable} is a rate in {target.unit}") / HZ_PER_UNIT[target.unit]


def sent_activity(entry: Translation, sender: ModelConfig) -> Activity | None:
    """Return what a `translate` entry takes from its sender; None if nobody says it."""
    if entry.sender_variable is None:
        return sender.activity
    told = sender.activity
    unit = told.unit if told is not None and told.variable == entry.sender_variable else "1"
    return Activity(of=entry.sender_variable, unit=entry.unit or unit)


def gain_between(raw: str | float, source: Activity, target: Activity | None) -> float:
    """Return units of the receiving variable per unit of the sender's activity."""
    if source.unit == "1":
        if target is None or target.unit == "1":
            return _number(raw, "both activities are dimensionless")
        return parse(raw, "Hz") / HZ_PER_UNIT[target.unit]
    return gain_from_hz(raw, target) * HZ_PER_UNIT[source.unit]
