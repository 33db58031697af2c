"""Arguments that several commands take, and what they replace in a scenario."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Optional

import typer

ScenarioFile = Annotated[Path, typer.Argument(help="The scenario, a YAML file.")]
RunFolder = Annotated[Path, typer.Argument(help="The folder of the run.")]
NewRunFolder = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads the annotation at run time on Python 3.10
    typer.Option("--run-dir", help="Folder for the results; default: a new one in runs/."),
]
Serial = Annotated[
    bool, typer.Option("--serial", help="Every role in this process, without MPI.")
]
Picture = Annotated[bool, typer.Option(help="Draw summary.png at the end.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Ranks = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--ranks", "-n", min=1, help="Number of MPI ranks; default: what the plan needs."),
]
Window = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--window", help="Replaces the scenario's window, such as '2 ms' or auto."),
]
Duration = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--duration", help="Replaces the scenario's duration, such as '500 ms'."),
]
Seed = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option("--seed", min=0, help="Replaces the scenario's seed."),
]
MaxWall = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--max-wall", help="End early, to be resumed, after this time: '50 min'."),
]
WaitLimit = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--wait-limit",
        help="Longest wait of a rank before it asks why: '60 s'; default: 10 slowest windows.",
    ),
]
AllowCode = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option(
        "--allow-code", help="Run this Python file; the scenario may then name what it provides."
    ),
]


class Placement(str, Enum):
    """Where transformers run."""

    own_ranks = "own_ranks"
    simulators = "simulators"
    mean_fields = "mean_fields"


class Check(Enum):
    """What `verify` can show."""

    mpi = "mpi"
    window = "window"
    placement = "placement"
    alone = "alone"
    split = "split"


Place = Annotated[
    Optional[Placement],  # noqa: UP045
    typer.Option(
        "--placement",
        help="Transformers on ranks of their own, beside their spiking regions, or beside the mean "
        "fields across the border.",
    ),
]


def overrides_of(
    window: str | None, duration: str | None, seed: int | None, placement: Placement | None
) -> dict[str, Any]:
    """Return what options replace, as the scenario has it."""
    given: dict[str, Any] = {"window": window, "duration": duration, "seed": seed}
    result = {key: value for key, value in given.items() if value is not None}
    if placement is not None:
        result["transformers"] = {"placement": placement.value}
    return result
