"""Colours and type of all pictures."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, cycle
from typing import Any

# Okabe and Ito (2008), Color Universal Design: told apart with any kind of colour vision.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
GREY, PALE, INK = "#8C8C8C", "#C9CCD1", "#222222"
COMPUTE, EXCHANGE = "#44546A", "#A9B4C2"
HATCHES = ("////", "....", "xxxx")
#: How waiting looks if it is for nobody in particular.
NOBODY: dict[str, Any] = {"facecolor": GREY, "alpha": 0.55, "edgecolor": "white", "linewidth": 0}

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
    "savefig.dpi": 300,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
}


def colours() -> Iterator[str]:
    """Return the palette, over and over."""
    return cycle(PALETTE)


def wait_looks() -> Iterator[dict[str, Any]]:
    """Return bar styles for waiting: where colours repeat, the hatch differs."""
    for i in count():
        hatch = HATCHES[i // len(PALETTE) % len(HATCHES)]
        yield {**NOBODY, "facecolor": PALETTE[i % len(PALETTE)], "hatch": hatch}
