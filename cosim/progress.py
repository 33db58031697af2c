"""How far the run is, for people: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Mapping

from rich.console import Console
from rich.live import Live
from rich.text import Text

from cosim.clock import Clock

LIVE_EVERY_S, LINE_EVERY_S = 0.2, 5.0


class Progress:
    """Shows biological time, real-time factor, time left, and rates at the border.

    Parameters
    ----------
    clock
        The run's clock.
    console
        Where to show it; None shows nothing.
    """

    def __init__(self, clock: Clock, console: Console | None) -> None:
        self._clock, self._console = clock, console
        self._shown_s = time.monotonic()
        self._begun: tuple[float, int] | None = None
        self._windows: dict[str, int] = {}
        self._rates: dict[str, float] = {}
        self._live: Live | None = None
        if console is not None and console.is_terminal:
            self._live = Live(Text(""), console=console, auto_refresh=False, transient=True)
            self._live.start()

    def update(self, windows: Mapping[str, int], rates: Mapping[str, float]) -> None:
        """Take news: windows done by role, rates in spikes/s by border."""
        self._windows.update(windows)
        self._rates.update(rates)
        now = time.monotonic()
        if self._begun is None and self._done():
            # Building does not count: it happens once.
            self._begun = now, self._done()
        if now - self._shown_s < (LIVE_EVERY_S if self._live else LINE_EVERY_S):
            return
        self._shown_s = now
        self._show()

    def _show(self) -> None:
        if self._live is not None:
            self._live.update(Text(self._text(bar=True), no_wrap=True, overflow="ellipsis"))
            self._live.refresh()
        elif self._console is not None:
            self._console.print(self._text(bar=False), highlight=False, soft_wrap=True)

    def _done(self) -> int:
        return min(min(self._windows.values(), default=0), self._clock.windows)

    def _speed(self) -> str:
        """Return real-time factor and time left, from what was done since the first window."""
        if self._begun is None:
            return "building"
        begin_s, first = self._begun
        new = self._done() - first
        if new <= 0:
            return "starting"
        a_window_s = (time.monotonic() - begin_s) / new
        factor = a_window_s * 1e3 / self._clock.ms(self._clock.window)
        left_s = a_window_s * (self._clock.windows - self._done())
        return f"real-time factor {factor:.2f}  {left_s:.0f} s left"

    def _text(self, *, bar: bool) -> str:
        clock, done = self._clock, self._done()
        done_ms, all_ms = clock.ms(done * clock.window), clock.ms(clock.duration)
        rates = "  ".join(f"{n} {hz:.1f}" for n, hz in sorted(self._rates.items()))
        text = f"{done_ms:.0f}/{all_ms:.0f} ms  {self._speed()}  {rates}"
        if not bar:
            return text
        filled = 20 * done // clock.windows
        return f"[{'=' * filled}{' ' * (20 - filled)}] {text}"

    def close(self) -> None:
        """End the display."""
        if self._live is not None:
            self._live.stop()
            self._live = None
