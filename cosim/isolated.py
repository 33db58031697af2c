"""A simulator in a process of its own, for engines of which a process holds only one.

The serial twin needs it for the second and further NEST instances. Under MPI every simulator has
a rank, and this is not used.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cosim.clock import Window
from cosim.errors import CosimError, said
from cosim.messages import Block
from cosim.recording import RankFile
from cosim.recording.names import Declaration
from cosim.simulator import Recorder, SimulatorSpec, engines


class IsolatedSimulator:
    """Forwards the verbs of a simulator to a child process.

    Parameters
    ----------
    engine
        Name of the engine.
    spec
        What to build.
    recording
        File to which the child records.
    """

    def __init__(self, engine: str, spec: SimulatorSpec, recording: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, engine, spec, recording), daemon=True
        )
        self._process.start()
        theirs.close()
        self.declared: tuple[Declaration, ...] = ()

    def _ask(self, verb: str, *arguments: object) -> Any:  # noqa: ANN401 - the verb's own
        self._pipe.send((verb, arguments))
        try:
            failed, value = self._pipe.recv()
        except EOFError:
            raise CosimError("the simulator's process ended without a word") from None
        if failed:
            raise CosimError(value)
        return value

    def prepare(self, recorder: Recorder) -> None:
        """Build the simulator; it records to the child's own file."""
        self.declared = self._ask("prepare")

    def prime(self, port: str, lag: int) -> Sequence[Block]:
        """Return what the port would have emitted before the first window."""
        blocks: Sequence[Block] = self._ask("prime", port, lag)
        return blocks

    def accept(self, port: str, block: Block) -> None:
        """Hand over the data of an input port."""
        self._ask("accept", port, block)

    def advance(self, window: Window) -> None:
        """Simulate a window."""
        self._ask("advance", window)

    def emit(self, port: str) -> Block:
        """Return the data of an output port."""
        block: Block = self._ask("emit", port)
        return block

    def finalize(self) -> None:
        """Release the simulator and end the child."""
        if self._process.is_alive():
            self._ask("finalize")
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(pipe: Connection, engine: str, spec: SimulatorSpec, recording: Path) -> None:
    recorder = RankFile(recording, int(recording.stem.rpartition("-")[2]), spec.clock)
    simulator = engines()[engine].create(spec)
    while True:
        try:
            verb, arguments = pipe.recv()
        except EOFError:
            recorder.close(complete=False)
            return
        try:
            if verb == "prepare":
                simulator.prepare(recorder)
                recorder.begin()
                value: object = recorder.declared
            else:
                value = getattr(simulator, verb)(*arguments)
                recorder.flush_if_due()
            if verb == "finalize":
                recorder.close()
        except Exception as error:  # the process boundary: the parent raises it
            pipe.send((True, said(error)))
        else:
            pipe.send((False, value))
            if verb == "finalize":
                return
