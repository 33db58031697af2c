"""The role of a simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cosim.account import ACCOUNT
from cosim.clock import Clock, Window
from cosim.links.base import Inlet, Outlet
from cosim.plan.model import SimulatorPlan
from cosim.roles.base import Role
from cosim.roles.simulator_guard import SimulatorGuard
from cosim.simulator import Noting, Simulator


class SimulatorRole(Role):
    """Drives one simulator.

    Parameters
    ----------
    plan
        Its plan.
    simulator
        The prepared simulator.
    region
        Labels of its regions, for messages.
    inlets
        Ends of incoming channels by input port.
    outlets
        Ends of outgoing channels by output port.
    guard
        What looks at all that the simulator does.
    """

    def __init__(
        self, plan: SimulatorPlan, simulator: Simulator, region: str, clock: Clock,
        inlets: Mapping[str, Inlet], outlets: Mapping[str, Sequence[Outlet]],
        guard: SimulatorGuard,
    ) -> None:
        every = [end for ends in outlets.values() for end in ends]
        super().__init__(plan.name, region, clock, list(inlets.values()), every, clock.windows)
        self.simulator = simulator
        self._guard = guard
        for port, ends in outlets.items():
            self.columns |= {end.name: guard.columns[port] for end in ends}
        self._in, self._out = dict(inlets), {p: tuple(ends) for p, ends in outlets.items()}

    def prime(self) -> None:
        """Send what the windows before the first would have sent."""
        for port, ends in self._out.items():
            for end in ends:
                for i, block in enumerate(self.simulator.prime(port, end.lag)):
                    self.put(end, i - end.lag, block)

    def work(self, window: Window) -> None:
        """Accept, advance, emit."""
        for port, inlet in self._in.items():
            self.simulator.accept(port, self.take(inlet))
        before = ACCOUNT.turn("compute")
        self.simulator.advance(window)
        ACCOUNT.turn(before)
        self._guard.time(self.simulator, window)
        wanted = {
            port: [end for end in ends if window.index <= end.last]
            for port, ends in self._out.items()
        }
        # Guards have to see the end of the run too, which nobody else needs.
        ports = dict.fromkeys([*(p for p, ends in wanted.items() if ends), *self._guard.ports])
        blocks = {port: self.simulator.emit(port) for port in ports}
        for port, block in blocks.items():
            self._guard.see(port, block)
        self._guard.settle()
        for port, ends in wanted.items():
            for end in ends:
                self.put(end, window.index, blocks[port])

    def notes(self) -> list[str]:
        """Return what the simulator says of itself and what the guards found."""
        own = self.simulator.notes() if isinstance(self.simulator, Noting) else ()
        return [*own, *self._guard.notes()]

    def close(self) -> None:
        """Release the simulator."""
        self.simulator.finalize()
