"""Colours and type of all pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

# The first six: Okabe and Ito (2008), Color Universal Design; the others: Paul Tol, "muted". Told
# apart with any kind of colour vision.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00",
    "#882255", "#44AA99", "#332288", "#999933",
)  # fmt: skip
GREY, PALE, INK, WASH = "#767676", "#C9CCD1", "#222222", "#F1F2F4"
#: What the time of a run went into.
SPENT = {
    "compute": "#44546A", "convert": "#009E73", "receive": "#56B4E9", "send": "#E69F00",
    "exchange": "#E69F00", "record": "#CC79A7", "other": "#7B4B3A", "wait": "#DADDE2",
}  # fmt: skip

# The stubs want the union of all literal names of settings, which Any spares us.
STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 7.5,
    "axes.labelsize": 7.5,
    "axes.titlesize": 8,
    "axes.edgecolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "legend.fontsize": 6.8,
    "legend.frameon": False,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.0,
    "text.parse_math": False,
    "figure.dpi": 200,
    "axes.titlepad": 4.0,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


def colours() -> Iterator[str]:
    """Return the palette, over and over."""
    return cycle(PALETTE)


def shortened(label: str, limit: int) -> str:
    """Cut a long label in its middle, as names differ at their ends."""
    if len(label) <= limit:
        return label
    head = limit // 2
    return f"{label[:head]}…{label[len(label) - (limit - head - 1) :]}"
