"""Signals end a run between its windows, or break a long one off."""

import os
import signal
import time

import pytest

from cosim import lifecycle


@pytest.fixture(autouse=True)
def as_before():
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    lifecycle.heed_no_signals(by_default=True)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "why"),
    [
        (signal.SIGTERM, "told to end"),
        (signal.SIGUSR1, "told to end"),
        (signal.SIGINT, "interrupted"),
    ],
)
def test_a_signal_waits_for_the_end_of_the_window(number, why):
    lifecycle.heed_signals()
    lifecycle.heed_told()
    os.kill(os.getpid(), number)
    with pytest.raises(lifecycle.Stopped, match=why):
        lifecycle.heed_told()


def test_a_window_that_takes_long_is_broken_off(monkeypatch):
    monkeypatch.setattr(lifecycle, "PATIENCE_S", 0.05)
    lifecycle.heed_signals()

    def window():
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(60)

    begin = time.monotonic()
    with pytest.raises(lifecycle.Stopped, match="told to end"):
        window()
    assert time.monotonic() - begin >= 0.04


def test_a_second_interrupt_does_not_wait():
    lifecycle.heed_signals()
    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_of_an_earlier_run_is_forgotten():
    lifecycle.heed_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    lifecycle.heed_no_signals(by_default=False)
    os.kill(os.getpid(), signal.SIGTERM)
    lifecycle.heed_signals()
    lifecycle.heed_told()
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(lifecycle.Stopped):
        lifecycle.heed_told()
