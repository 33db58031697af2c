"""What a toy can be asked to do wrong, and when."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sys
import time
from pathlib import Path

from cosim.scenario.fields import Section

#: Names a file that is touched at the moment of the fault.
MARK = "TOY_FAULT_MARK"
#: Asks for another fault than the scenario, which must stay as it is for a run to go on: a fault,
#: a role and a window, between blanks.
FAULT = "TOY_FAULT"
#: When a fault strikes that does not strike in a window.
ELSEWHERE = {"prepare", "prime", "finalize"}
#: What fills a disk.
FILLER = "filler"
HANG_S, DELAY_S = 90.0, 0.7
#: Processor time.
COMPUTE_S = 8.0


class Faults(Section):
    fault: str = ""  # one of the names in `strike`, or nan
    fault_window: int = -1
    fault_role: str = ""  # which role breaks; every one of the model if empty


def due(faults, role, where, window=-1):
    """Return what goes wrong here and now, if anything."""
    fault, culprit, when = faults.fault, faults.fault_role, faults.fault_window
    if FAULT in os.environ:
        fault, culprit, when = os.environ[FAULT].split()
    if not fault or culprit not in ("", role):
        return ""
    if fault in ELSEWHERE:
        return fault if where == fault else ""
    return fault if where == "advance" and window == int(when) else ""


def mark():
    if MARK in os.environ:
        Path(os.environ[MARK]).touch()


def strike(fault):
    """Break, if there is anything to do; a nan is left to the toy."""
    if not fault:
        return
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
    if fault == "compute":
        end_s = time.process_time() + COMPUTE_S
        while time.process_time() < end_s:
            pass
    if fault == "delay":
        time.sleep(DELAY_S)
    if fault == "delete":
        shutil.rmtree("run")
    if fault == "fill":
        fill(Path("run"))
    if fault == "full":
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))


def fill(folder):
    """Leave no byte on the disk of a folder."""
    with contextlib.suppress(OSError), (folder / FILLER).open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
