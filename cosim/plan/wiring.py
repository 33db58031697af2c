"""Which borders are carried, and everything that runs between the simulators of a case."""

from __future__ import annotations

from collections.abc import Iterator

from cosim.clock import Clock
from cosim.plan import borders
from cosim.plan.into_fields import between_fields, out_of_spikes
from cosim.plan.into_spikes import into_spikes
from cosim.plan.model import Border, ChannelPlan, Cut, Edge, SimulatorPlan, TransformerPlan
from cosim.plan.sheet import Sheet, sent, translation
from cosim.scenario.load import Case
from cosim.scenario.ownership import Owned

Crossing = tuple[Owned, Owned, int, Edge]


class Wiring:
    """Derives everything between the simulators.

    Parameters
    ----------
    case
        The checked scenario.
    clock
        Its clock. With the shortest possible window, only `borders` without lags is meaningful.
    """

    def __init__(self, case: Case, clock: Clock) -> None:
        self._sheet = Sheet(case, clock)

    def borders(self, *, lags: bool = True) -> Iterator[Border]:
        """Yield every border that an interface carries, with its shortest edge."""
        for source, target, count, edge in self._crossings():
            if self._carried(source, target):
                lag = borders.lag(edge.reach, self._sheet.clock.window) if lags else 0
                yield Border(source.name, target.name, count, edge, lag)

    def cuts(self) -> Iterator[Cut]:
        """Yield the borders that have edges but no interface."""
        for source, target, count, _ in self._crossings():
            if not self._carried(source, target):
                yield Cut(source.name, target.name, count)

    def wire(
        self,
    ) -> tuple[tuple[SimulatorPlan, ...], tuple[TransformerPlan, ...], tuple[ChannelPlan, ...]]:
        """Return simulators with their ports, transformers (inward first), and channels."""
        carried = {(b.source, b.target): b for b in self.borders()}
        wired = [*self._inward(carried), *self._outward(carried)]
        sheet = self._sheet
        return (
            tuple(sheet.simulators.values()), tuple(t for t in wired if t is not None),
            tuple(sheet.channels),
        )

    def _inward(
        self, carried: dict[tuple[str, str], Border]
    ) -> Iterator[TransformerPlan | None]:
        for target in self._sheet.owned.values():
            if target.kind == "spiking":
                for i, entry in enumerate(self._sheet.config(target).receives):
                    yield into_spikes(self._sheet, target, i, entry, carried)

    def _outward(
        self, carried: dict[tuple[str, str], Border]
    ) -> Iterator[TransformerPlan | None]:
        for border in carried.values():
            source, target = self._sheet.owned[border.source], self._sheet.owned[border.target]
            if target.kind == "spiking":
                continue
            if source.kind == "mean_field":
                yield between_fields(self._sheet, source, target, border)
                continue
            for entry in sent(self._sheet.config(source), target.model):
                yield out_of_spikes(self._sheet, source, target, entry, border)

    def _crossings(self) -> Iterator[Crossing]:
        everyone = self._sheet.owned.values()
        for source in everyone:
            for target in everyone:
                found = self._crossing(source, target) if source is not target else None
                if found is not None:
                    yield source, target, *found

    def _crossing(self, source: Owned, target: Owned) -> tuple[int, Edge] | None:
        # The delay is applied by the mean-field side if there is one, else by a transformer.
        keeper = target if target.kind == "mean_field" or source.kind == "spiking" else source
        sheet = self._sheet
        step = sheet.step(keeper.name)
        extra = 1 if keeper.kind == "mean_field" else 0
        found = borders.crossing(
            sheet.case.brain, source.regions, target.regions, sheet.clock.ms(step), extra
        )
        return found and (found[0], borders.in_ticks(found[1], step))

    def _carried(self, source: Owned, target: Owned) -> bool:
        sender, receiver = self._sheet.config(source), self._sheet.config(target)
        if target.kind == "spiking":
            heard = any(source.model in r.sources for r in receiver.receives)
            return heard and (source.kind == "mean_field" or bool(sent(sender, target.model)))
        if source.kind == "spiking":
            return bool(sent(sender, target.model))
        alike = self._sheet.engine(source).signature(sender) == self._sheet.engine(
            target
        ).signature(receiver)
        return alike or translation(receiver, source.model) is not None
