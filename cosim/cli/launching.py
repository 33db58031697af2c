"""Starting mpirun, and saying what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from cosim.cli.running import Request
from cosim.plan.model import Plan


def command_for(plan: Plan, arguments: Sequence[str]):
    raise NotImplementedError


def launch_and_wait(request: Request, *, dry_run: bool) -> int:
    raise NotImplementedError
