"""What a toy can be asked to do wrong, and when."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from pathlib import Path

from cosim.scenario.model import Section

#: Names a file that is touched at the moment of the fault.
MARK = "TOY_FAULT_MARK"
#: When a fault strikes that does not strike in a window.
ELSEWHERE = {"prepare", "prime", "finalize"}
HANG_S = 90.0


class Faults(Section):
    fault: str = ""  # one of the names in `strike`, or nan
    fault_window: int = -1
    fault_role: str = ""  # which role breaks; every one of the model if empty


def due(faults, role, where, window=-1):
    """Whether something goes wrong here and now."""
    if not faults.fault or faults.fault_role not in ("", role):
        return False
    if faults.fault in ELSEWHERE:
        return where == faults.fault
    return where == "advance" and window == faults.fault_window


def mark():
    if MARK in os.environ:
        Path(os.environ[MARK]).touch()


def strike(fault):
    """Break; a nan is left to the toy."""
    mark()
    if fault == "raise":
        raise ArithmeticError("the toy broke")
    if fault == "prepare":
        raise MemoryError("no room for the toy")
    if fault in ELSEWHERE:
        raise ArithmeticError(f"the toy broke in {fault}")
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if fault == "exit":
        os._exit(3)
    if fault == "leave":
        sys.exit(3)
    if fault == "hang":
        time.sleep(HANG_S)
    if fault == "full":
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
