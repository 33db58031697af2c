"""The only module that sees MPI."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mpi4py import MPI

Bytes = NDArray[np.uint8]

@dataclass(frozen=True)
class Notice:
    """A control message: what happened on which rank."""

    kind: str
    rank: int
    body: Mapping[str, Any]


class Mpi:
    """The ranks of one job: data and control travel on communicators of their own.

    Control messages are few: a failure, progress, the end. They are JSON text.
    """

    def __init__(self) -> None:
        import mpi4py

        # Only the thread that called MPI_Init uses it; asking for more costs locks in the loop.
        mpi4py.rc.thread_level = "funneled"
        mpi4py.rc.finalize = False
        from mpi4py import MPI

        self._mpi = MPI
        self._data: MPI.Intracomm = MPI.COMM_WORLD.Dup()
        self._control: MPI.Intracomm = MPI.COMM_WORLD.Dup()
        self.rank, self.size = self._data.rank, self._data.size
        self._sent: list[tuple[MPI.Request, Bytes]] = []
        self._prepared: list[MPI.Prequest] = []

    def library(self) -> str:
        """Return name and version of the MPI library."""
        return self._mpi.Get_library_version().splitlines()[0].strip(" \0")

    # Data

    def send(self, buffer: Bytes, rank: int, tag: int) -> MPI.Request:
        """Start a synchronous send."""
        return self._data.Issend([buffer, self._mpi.BYTE], rank, tag)

    def receive(self, buffer: Bytes, rank: int, tag: int) -> MPI.Request:
        """Start a receive."""
        return self._data.Irecv([buffer, self._mpi.BYTE], rank, tag)

    def sender(self, buffer: Bytes, rank: int, tag: int) -> MPI.Prequest:
        """Prepare a synchronous send, to be started any number of times."""
        return self._kept(self._data.Ssend_init([buffer, self._mpi.BYTE], rank, tag))

    def receiver(self, buffer: Bytes, rank: int, tag: int) -> MPI.Prequest:
        """Prepare a receive, to be started any number of times."""
        return self._kept(self._data.Recv_init([buffer, self._mpi.BYTE], rank, tag))

    def _kept(self, request: MPI.Request) -> MPI.Prequest:
        assert isinstance(request, self._mpi.Prequest)
        self._prepared.append(request)
        return request

    # Set-up; collective, on every rank and every path

    def same_everywhere(self, text: str) -> bool:
        """Tell whether all ranks gave the same text of the same length."""
        mine = np.frombuffer(text.encode(), np.uint8)
        least, most = np.empty_like(mine), np.empty_like(mine)
        self._control.Allreduce(mine, least, self._mpi.MIN)
        self._control.Allreduce(mine, most, self._mpi.MAX)
        return bool((least == most).all())

    def from_first(self, text: str) -> str:
        """Return rank 0's text on every rank."""
        size = np.array([len(text.encode())], np.int64)
        self._control.Bcast(size, 0)
        buffer = np.empty(int(size[0]), np.uint8)
        if self.rank == 0:
            buffer[:] = np.frombuffer(text.encode(), np.uint8)
        self._control.Bcast(buffer, 0)
        return buffer.tobytes().decode()

    def ranks_on_this_node(self) -> int:
        """Return how many ranks share this machine."""
        node = self._control.Split_type(self._mpi.COMM_TYPE_SHARED)
        size = node.size
        node.Free()
        return size

    # Control

    def tell(self, rank: int, kind: str, **body: object) -> None:
        """Send a control message without waiting for its receipt."""
        text = json.dumps({"kind": kind, "body": body}).encode()
        buffer = np.frombuffer(text, np.uint8).copy()
        self._sent = [(r, b) for r, b in self._sent if not r.Test()]
        self._sent.append((self._control.Isend([buffer, self._mpi.BYTE], rank, 0), buffer))

    def heard(self) -> Notice | None:
        """Return the next control message, None if there is none; never waits."""
        status = self._mpi.Status()
        message = self._control.Improbe(self._mpi.ANY_SOURCE, 0, status)
        if message is None:
            return None
        buffer = np.empty(status.Get_count(self._mpi.BYTE), np.uint8)
        message.Recv([buffer, self._mpi.BYTE])
        content = json.loads(buffer.tobytes())
        return Notice(content["kind"], status.source, content["body"])

    def told(self) -> bool:
        """Tell whether every control message has left; never waits."""
        self._sent = [(r, b) for r, b in self._sent if not r.Test()]
        return not self._sent

    # End

    def finalize(self) -> None:
        """Leave MPI; collective."""
        for request in self._prepared:
            request.Free()
        self._data.Free()
        self._control.Free()
        self._mpi.Finalize()

    def abort(self, code: int) -> NoReturn:
        """End the whole job at once."""
        self._mpi.COMM_WORLD.Abort(code)
        # MPICH returns, and kills us a little later: long enough to print another traceback.
        os._exit(code)
