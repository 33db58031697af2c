"""A simulator in a process of its own, for engines of which a process holds only one.

The serial twin needs it for the second and further NEST instances. Under MPI every simulator has
a rank, and this is not used.
"""

from __future__ import annotations

import multiprocessing
import select
import signal
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from cosim import own_code
from cosim.clock import Window
from cosim.errors import CosimError, said
from cosim.messages import Block
from cosim.own_code import OwnCode
from cosim.recording import RankFile
from cosim.recording.names import Declaration
from cosim.simulator import Recorder, Simulator, SimulatorSpec, Timekeeper, engines
from cosim.stalls.chain import PREPARATION
from cosim.stalls.limit import WaitLimit
from cosim.stalls.single import SingleWait


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
    limit
        How long to wait for an answer before it is asked whether there will be one.
    """

    def __init__(
        self, engine: str, spec: SimulatorSpec, recording: Path, limit: WaitLimit
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(own_code.allowed(), theirs, engine, spec, recording), daemon=True
        )
        self._process.start()
        theirs.close()
        self._asked = self._hangs = False
        self._limit = limit
        self._now_ns: int | None = None
        self.declared: tuple[Declaration, ...] = ()

    def _ask(self, verb: str, *arguments: object) -> Any:  # noqa: ANN401 - the verb's own
        self._asked = True
        try:
            self._pipe.send((verb, arguments))
            self._await(verb)
            failed, value = self._pipe.recv()
        except (EOFError, OSError):
            raise CosimError("the simulator's process ended without a word") from None
        self._asked = False
        if failed:
            raise CosimError(value)
        return value

    def _await(self, verb: str) -> None:
        """Wait until there is an answer, or the end of the child."""
        wait = SingleWait(
            "the simulator's process", PREPARATION if verb == "prepare" else f"'{verb}'",
            self._process.pid or 0, self._limit,
        )
        try:
            while not select.select([self._pipe], [], [], wait.pause_s)[0]:
                wait.still()
        except CosimError:
            self._hangs = True
            raise
        if verb == "advance":
            self._limit.saw(wait.waited_s())

    def prepare(self, recorder: Recorder) -> None:
        """Build the simulator; it records to the child's own file."""
        try:
            self.declared = self._ask("prepare")
        except CosimError:
            # Nobody finalizes what was never prepared.
            self._end()
            raise

    def prime(self, port: str, lag: int) -> Sequence[Block]:
        """Return what the port would have emitted before the first window."""
        blocks: Sequence[Block] = self._ask("prime", port, lag)
        return blocks

    def accept(self, port: str, block: Block) -> None:
        """Hand over the data of an input port."""
        self._ask("accept", port, block)

    def advance(self, window: Window) -> None:
        """Simulate a window."""
        self._now_ns = self._ask("advance", window)

    def now_ns(self) -> int | None:
        """Return the time of the simulator after its last window, if it told."""
        return self._now_ns

    def emit(self, port: str) -> Block:
        """Return the data of an output port."""
        block: Block = self._ask("emit", port)
        return block

    def finalize(self) -> None:
        """Release the simulator and end the child."""
        try:
            # After an interrupt the answer to an earlier question may still be under way.
            if self._process.is_alive() and not self._asked:
                self._ask("finalize")
        finally:
            self._end()

    def _end(self) -> None:
        self._pipe.close()
        self._process.join(timeout=0 if self._hangs else 10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        self._process.close()


def _serve(
    code: OwnCode | None, pipe: Connection, engine: str, spec: SimulatorSpec, recording: Path
) -> None:
    # `code` comes first: to unpickle it is to run it, and what follows may be of its classes.
    del code
    # What an interrupt from the terminal means is for the parent to decide.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    recorder = RankFile(recording, int(recording.stem.rpartition("-")[2]), spec.clock)
    simulator = engines()[engine].create(spec)
    try:
        while _answer(pipe, simulator, recorder):
            pass
    except (EOFError, OSError):
        # The parent is gone, or wants no more answers.
        recorder.close(complete=False)


def _answer(pipe: Connection, simulator: Simulator, recorder: RankFile) -> bool:
    """Do what the parent asks for next, and tell whether more is to come."""
    verb, arguments = pipe.recv()
    try:
        if verb == "prepare":
            simulator.prepare(recorder)
            recorder.begin()
            value: object = recorder.declared
        else:
            value = getattr(simulator, verb)(*arguments)
            if verb == "advance" and isinstance(simulator, Timekeeper):
                value = simulator.now_ns()
            recorder.flush_if_due()
        if verb == "finalize":
            recorder.close()
    except Exception as error:  # the process boundary: the parent raises it
        pipe.send((True, said(error)))
        return True
    pipe.send((False, value))
    return bool(verb != "finalize")
