"""The recorded spikes of one population."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from cosim.errors import UsageError
from cosim.simulator import RateBand

if TYPE_CHECKING:
    from neo import Segment


@dataclass(frozen=True)
class SpikeTrains:
    """Spikes of one population from `start_ms` to `stop_ms`, in order of time.

    Parameters
    ----------
    region, population
        Where the neurons are.
    size
        Number of neurons of the population.
    stride
        Only senders that are multiples of it were recorded.
    tick_ms
        Length of a tick; all times are multiples of it.
    stop_ms
        End of the last window that was recorded in full.
    time_ms
        Time of each spike, shape (spikes,), float64.
    sender
        Index of the neuron within the population, shape (spikes,), int32.
    reference
        The rates between which the population should lie, if whoever built it says so.
    start_ms
        Where the spikes begin; 0 unless an early part was left out.
    """

    region: str
    population: str
    size: int
    stride: int
    tick_ms: float
    stop_ms: float
    time_ms: NDArray[np.float64]
    sender: NDArray[np.int32]
    reference: RateBand | None = None
    start_ms: float = 0.0

    @property
    def recorded(self) -> NDArray[np.int64]:
        """Indices of the neurons that were recorded."""
        return np.arange(0, self.size, self.stride)

    @property
    def mean_rate_hz(self) -> float:
        """Spikes a second and recorded neuron; NaN if nothing was simulated."""
        length_ms = self.stop_ms - self.start_ms
        if not length_ms:
            return float("nan")
        return len(self.time_ms) / len(self.recorded) / length_ms * 1e3

    def after(self, start_ms: float) -> SpikeTrains:
        """Return the spikes later than a time, which is cut to what was recorded.

        Parameters
        ----------
        start_ms
            A multiple of the tick.
        """
        start_ms = min(max(start_ms, self.start_ms), self.stop_ms)
        # Times are computed from ticks: half a tick is more than rounding can move them.
        first = int(np.searchsorted(self.time_ms, start_ms + self.tick_ms / 2))
        return replace(
            self, start_ms=start_ms, time_ms=self.time_ms[first:], sender=self.sender[first:]
        )

    def bin_index(self, bin_ms: float) -> tuple[NDArray[np.int64], int]:
        """Return the bin of each spike, and the number of whole bins.

        Bin k is the interval (k * bin, (k + 1) * bin] after `start_ms`. Spikes after the last whole
        bin have an index that is not below the number of bins.

        Raises
        ------
        ValueError
            If the bin is no positive multiple of the tick.
        """
        width = round(bin_ms / self.tick_ms)
        if width < 1 or abs(width * self.tick_ms - bin_ms) > 1e-6 * self.tick_ms:
            raise ValueError(
                f"bin of {bin_ms} ms: expected a positive multiple of the tick, {self.tick_ms} ms"
            )
        start, stop = round(self.start_ms / self.tick_ms), round(self.stop_ms / self.tick_ms)
        ticks = np.rint(self.time_ms / self.tick_ms).astype(np.int64) - start
        return (ticks - 1) // width, (stop - start) // width

    def rate_hz(self, bin_ms: float) -> xr.DataArray:
        """Return the population's rate over time.

        Parameters
        ----------
        bin_ms
            Width of the bins, a multiple of the tick.

        Returns
        -------
        xarray.DataArray
            Spikes a second and recorded neuron, dimension `time`: centres of the bins in ms.

        Raises
        ------
        ValueError
            If the bin is no positive multiple of the tick.
        """
        index, bins = self.bin_index(bin_ms)
        counts = np.bincount(index[index < bins], minlength=bins)
        centres_ms = self.start_ms + (np.arange(bins) + 0.5) * bin_ms
        return xr.DataArray(
            counts / (len(self.recorded) * bin_ms * 1e-3),
            dims="time",
            coords={"time": ("time", centres_ms, {"units": "ms"})},
            name=f"{self.region}/{self.population}",
            attrs={"units": "spikes/s", "region": self.region, "population": self.population},
        )

    def to_neo(self) -> Segment:
        """Return the spikes as a Neo segment with one spike train for each recorded neuron.

        Raises
        ------
        UsageError
            If Neo is not installed.
        """
        try:
            import neo
            import quantities as pq
        except ImportError as error:
            raise UsageError("to_neo() needs Neo: pip install 'cosim-brain[neo]'") from error
        segment = neo.Segment(name=f"{self.region}/{self.population}")
        order = np.argsort(self.sender, kind="stable")
        senders, times = self.sender[order], self.time_ms[order]
        first = np.searchsorted(senders, self.recorded, side="left")
        last = np.searchsorted(senders, self.recorded, side="right")
        segment.spiketrains.extend(
            [
                neo.SpikeTrain(
                    times[a:b], units=pq.ms, t_start=self.start_ms, t_stop=self.stop_ms,
                    sender=int(sender),
                )
                for sender, a, b in zip(self.recorded, first, last, strict=True)
            ]
        )
        return segment
