"""Quantities with units, as they stand in YAML: ``4 m/s``, ``1000 ms``, ``12 Hz``.

Each quantity type is a ``float`` in one canonical unit, so that the rest of the code computes
with plain numbers whose names say the unit (``window_ms``, ``rate_hz``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

# Factor that turns one of the unit into the canonical unit of its dimension.
UNITS: dict[str, dict[str, float]] = {
    "ms": {"us": 1e-3, "ms": 1.0, "s": 1e3, "min": 6e4},
    "m/s": {"m/s": 1.0, "mm/ms": 1.0},
    "mm": {"um": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3},
    "Hz": {"Hz": 1.0, "spikes/s": 1.0, "1/s": 1.0, "kHz": 1e3, "1/ms": 1e3},
    "/Hz": {"/Hz": 1.0, "1/Hz": 1.0, "s": 1.0, "/kHz": 1e-3, "1/kHz": 1e-3, "ms": 1e-3},
    "mV": {"uV": 1e-3, "mV": 1.0, "V": 1e3},
    "pA": {"pA": 1.0, "nA": 1e3, "uA": 1e6},
    "nS": {"pS": 1e-3, "nS": 1.0, "uS": 1e3},
    "pF": {"pF": 1.0, "nF": 1e3},
    "um": {"um": 1.0, "mm": 1e3},
}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def split_quantity(text: str) -> tuple[float, str] | None:
    """Split ``"4 m/s"`` into number and unit.

    Returns
    -------
    tuple of float and str, or None
        The unit is empty for a bare number; None if the text is no quantity.
    """
    match = re.fullmatch(rf"\s*({_NUMBER})\s*(\S*)\s*", text)
    if match is None:
        return None
    return float(match[1]), match[2]


def parse(value: object, canonical: str) -> float:
    """Convert a quantity as written in YAML to a float in its canonical unit.

    Parameters
    ----------
    value
        Text such as ``"4 m/s"``. A bare number is refused: every quantity carries its unit.
    canonical
        Key of `UNITS`: the unit of the result.

    Raises
    ------
    ValueError
        If the text is no quantity, not finite, or of another dimension.
    """
    legal = UNITS[canonical]
    wanted = f"a number with a unit ({', '.join(legal)}), such as '1 {canonical}'"
    bare = isinstance(value, int | float) and not isinstance(value, bool)
    parts = split_quantity(f"{value}") if bare or isinstance(value, str) else None
    if parts is None:
        raise ValueError(f"expected {wanted}")
    number, unit = parts
    if not unit:
        raise ValueError(f"the unit is missing; expected {wanted}")
    if unit not in legal:
        raise ValueError(f"unit '{unit}' does not fit; expected {wanted}")
    if not math.isfinite(number):
        raise ValueError("the number is not finite")
    # Division by the inverse keeps decimal values exact where a factor such as 1e-3 would not.
    factor = legal[unit]
    return number * factor if factor >= 1 else number / round(1 / factor)


def _quantity(canonical: str) -> Any:  # noqa: ANN401 - the value is an annotation for pydantic
    def validate(value: object) -> float:
        return parse(value, canonical)

    units = "|".join(re.escape(u) for u in UNITS[canonical])
    schema = {"type": "string", "pattern": rf"^\s*{_NUMBER}\s*({units})\s*$"}
    check: Callable[[object], float] = validate
    return Annotated[
        float,
        BeforeValidator(check),
        WithJsonSchema({**schema, "examples": [f"1 {canonical}"]}),
    ]


Milliseconds = _quantity("ms")
MetresPerSecond = _quantity("m/s")
Millimetres = _quantity("mm")
SpikesPerSecond = _quantity("Hz")
Millivolts = _quantity("mV")
Picoamperes = _quantity("pA")
Nanosiemens = _quantity("nS")
Picofarads = _quantity("pF")
Micrometres = _quantity("um")


def format_ms(time_ms: float) -> str:
    """Return a time for people: ``2.5 ms`` without trailing zeros."""
    return f"{time_ms:.6g} ms"
