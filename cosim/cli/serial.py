"""Running every role in this process."""

from __future__ import annotations

from cosim.cli.checking import checked
from cosim.cli.running import Request, conclude, console, log_to, write_inputs
from cosim.progress import Progress
from cosim.recording import RunDir
from cosim.serial import run_serial


def run_here(request: Request) -> int:
    """Run a scenario without MPI.

    Returns
    -------
    int
        The exit code.
    """
    case, plan = checked(request.scenario, request.overrides, request.ranks)
    run_dir = RunDir.create(case.scenario.name, request.run_dir, overwrite=request.overwrite)
    write_inputs(run_dir, case, plan)
    log_to(run_dir.log(0), "serial", 0)
    progress = Progress(plan.clock, None if request.quiet else console())
    notes = run_serial(case, plan, run_dir, progress)
    conclude(request, case, plan, run_dir, notes)
    return 0
