"""What roles, messages and machines cost, as values that are kept in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cosim.errors import UsageError
from cosim.intake import Unreadable, json_mapping, read_text

#: Of a calibration; it has a line for each role and channel.
MAX_BYTES = 16 * 2**20
_Seconds = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RoleCost(_Value):
    """What a role does in a window, with a core for each of its threads.

    A window of w ms takes (`window_s` + `ms_s` w) (1 - `parallel` + `parallel` / threads)
    seconds; the last factor is Amdahl's law.
    """

    #: Seconds for each window, however long.
    window_s: _Seconds
    #: Seconds for each ms of biological time, with one thread.
    ms_s: _Seconds
    #: Part of the work that threads share.
    parallel: Annotated[float, Field(ge=0, le=1)] = 0.0

    def seconds(self, window_ms: float, threads: int = 1) -> float:
        """Return the time of a window of that length."""
        amdahl = 1 - self.parallel + self.parallel / threads
        return (self.window_s + self.ms_s * window_ms) * amdahl


class Machine(_Value):
    """Where ranks run.

    What `latency` and `bandwidth` say is on top of `Costs.message_s` and `byte_s`, and only
    between nodes.
    """

    name: str = ""
    cores_per_node: Annotated[int, Field(ge=1, le=10**6)] = 1
    nodes: Annotated[int, Field(ge=1, le=10**6)] = 1
    #: Of one message between nodes, in microseconds.
    latency_us: Annotated[float, Field(ge=0, le=1e9)] = 0.0
    #: Between nodes, in gigabytes (10**9 bytes) per second.
    bandwidth_gb_per_s: Annotated[float, Field(gt=0, le=1e9)] = 10.0
    #: Time for the same work / time on the machine of the calibration.
    slowness: Annotated[float, Field(gt=0, le=1e6)] = 1.0

    def transfer_s(self, size_bytes: float) -> float:
        """Return how long a message is under way between nodes."""
        return self.latency_us * 1e-6 + size_bytes / (self.bandwidth_gb_per_s * 1e9)


class Crowd(_Value):
    """How much longer work takes where ranks share cores, their caches and their memory."""

    #: Threads of all ranks of a node that want a core, for each of its cores.
    per_core: Annotated[float, Field(gt=0, le=1e6)]
    #: Time for the same work / time in a process that has the machine for itself.
    factor: Annotated[float, Field(ge=1, le=1e3)]


class Costs(_Value):
    """A calibration: what a scenario costs on one machine."""

    format: str = "cosim costs 1"
    #: Digest of the part of the scenario that costs depend on.
    scenario: str
    machine: Machine
    roles: dict[str, RoleCost]
    #: Bytes that cross a channel with spikes in a ms of biological time, by the channel's name.
    spike_bytes_per_ms: dict[str, _Seconds] = {}
    #: Seconds that a message between ranks takes of both ends together, and each of its bytes.
    message_s: _Seconds = 0.0
    byte_s: _Seconds = 0.0
    #: Measured in runs under mpirun; between them what is nearest counts.
    crowds: tuple[Crowd, ...] = ()
    #: Processes that wanted a core, on average over a minute, while it was measured.
    load: float = 0.0


def read_costs(path: Path) -> Costs:
    """Read a calibration.

    Raises
    ------
    UsageError
        If there is none, or it is damaged.
    """
    try:
        return Costs.model_validate(_parsed(path))
    except ValidationError as error:
        raise UsageError(f"{path} is no calibration: {_first(error)}") from None


def read_machine(path: Path) -> Machine:
    """Read the description of a machine.

    Raises
    ------
    UsageError
        If there is none, or it says something else.
    """
    try:
        return Machine.model_validate(_parsed(path))
    except ValidationError as error:
        known = ", ".join(Machine.model_fields)
        raise UsageError(
            f"{path} describes no machine: {_first(error)}; expected some of {known}"
        ) from None


def write_costs(costs: Costs, path: Path) -> None:
    """Write a calibration.

    Raises
    ------
    UsageError
        If that cannot be done.
    """
    text = json.dumps(costs.model_dump(), indent=1, sort_keys=True) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _parsed(path: Path) -> object:
    try:
        return json_mapping(read_text(path, MAX_BYTES))
    except (Unreadable, ValueError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from None


def _first(error: ValidationError) -> str:
    found = error.errors()[0]
    place = ".".join(map(str, found["loc"]))
    return f"{place}: {found['msg']}" if place else str(found["msg"])
