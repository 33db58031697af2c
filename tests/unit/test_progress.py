"""What a user sees while a run goes on."""

import io
import re

from rich.console import Console

from cosim import progress
from cosim.clock import Clock
from cosim.progress import Progress

CLOCK = Clock(100_000, 20, 10_000)


def shown(monkeypatch, *, terminal, steps):
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    monkeypatch.setattr(progress, "LIVE_EVERY_S", 0.0)
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=150)
    display = Progress(CLOCK, console)
    for windows, rates in steps:
        display.update(windows, rates)
    display.close()
    return out.getvalue()


def test_plain_lines_tell_time_factor_and_rates(monkeypatch):
    steps = [({"a": 0, "b": 0}, {}), ({"a": 1, "b": 1}, {}), ({"a": 250, "b": 125}, {"rV1": 4.25})]
    first, _, second = shown(monkeypatch, terminal=False, steps=steps).splitlines()
    assert "building" in first
    # The slowest role counts.
    assert second.startswith("250/1000 ms")
    assert re.search(r"real-time factor \d+\.\d+ .* s left .*rV1 4\.2", second)


def test_a_terminal_gets_a_bar(monkeypatch):
    text = shown(monkeypatch, terminal=True, steps=[({"a": 250}, {})])
    assert "[==========          ] 500/1000 ms" in text


def test_roles_that_drain_do_not_overshoot(monkeypatch):
    text = shown(monkeypatch, terminal=False, steps=[({"a": 503}, {})])
    assert text.startswith("1000/1000 ms")


def test_nothing_is_shown_without_a_console():
    display = Progress(CLOCK, None)
    display.update({"a": 1}, {})
    display.close()
