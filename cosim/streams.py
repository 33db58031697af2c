"""Random numbers that depend on what they are for and when, never on who draws them.

A stream is keyed by the scenario's seed and by names; within it every time step has its own
sequence. Results therefore do not change with window, rank count, placement or restart.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np


class Stream:
    """A family of generators, one for each tick, from a counter-based bit generator (Philox).

    Parameters
    ----------
    seed
        The scenario's seed.
    *names
        What the numbers are for, for example ``"noise"``, or a channel's name.
    """

    def __init__(self, seed: int, *names: str) -> None:
        text = "\0".join((str(seed), *names)).encode()
        digest = hashlib.blake2b(text, digest_size=16).digest()
        self._key = np.frombuffer(digest, np.uint64).copy()
        self._bits = np.random.Philox(key=self._key)
        self._generator = np.random.Generator(self._bits)
        self._counter = np.zeros(4, np.uint64)
        #: State at the beginning of a tick but for the counter, which is copied when it is set.
        self._start: Any = {
            "bit_generator": "Philox",
            "state": {"counter": self._counter, "key": self._key},
            "buffer": np.zeros(4, np.uint64),
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }

    def at(self, tick: int) -> np.random.Generator:
        """Return the generator positioned at the beginning of a tick's own sequence.

        The same object is handed out each time: draw what the tick needs before asking for
        the next one. Each tick has 2**66 numbers of its own.
        """
        self._counter[2] = tick & (2**64 - 1)
        self._bits.state = self._start
        return self._generator


def derived_seed(seed: int, *names: str, bits: int = 31) -> int:
    """Return an integer seed for software that takes one, at least 1 and below 2**bits."""
    text = "\0".join((str(seed), *names)).encode()
    value: int = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")
    span: int = 2**bits - 2
    return value % span + 1
