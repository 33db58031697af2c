"""Which borders are carried, and everything that runs between the simulators of a case."""

from __future__ import annotations

from collections.abc import Iterator

from cosim.clock import Clock
from cosim.plan import borders
from cosim.plan.into_fields import between_fields, out_of_spikes
from cosim.plan.into_spikes import into_spikes
from cosim.plan.model import Border, ChannelPlan, Cut, Edge, SimulatorPlan, TransformerPlan
from cosim.plan.sheet import Sheet, sent, translations
from cosim.scenario.load import Case
from cosim.scenario.ownership import Owned

Regions = tuple[int, ...]


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
        for source, target in self._pairs():
            found = self._crossing(source, target, *self._joined(source, target))
            if found is not None:
                count, edge = found
                lag = borders.lag(edge.reach, self._sheet.clock.window) if lags else 0
                yield Border(source.name, target.name, count, edge, lag)

    def cuts(self) -> Iterator[Cut]:
        """Yield the borders with edges that no interface carries."""
        for source, target in self._pairs():
            every = self._crossing(source, target, source.regions, target.regions)
            carried = self._crossing(source, target, *self._joined(source, target))
            missing = (every[0] if every else 0) - (carried[0] if carried else 0)
            if missing:
                yield Cut(source.name, target.name, missing)

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
                yield from between_fields(self._sheet, source, target, border)
                continue
            for entry in sent(self._sheet.config(source), target.model):
                yield out_of_spikes(self._sheet, source, target, entry, border)

    def _pairs(self) -> Iterator[tuple[Owned, Owned]]:
        everyone = self._sheet.owned.values()
        return ((s, t) for s in everyone for t in everyone if s is not t)

    def _crossing(
        self, source: Owned, target: Owned, senders: Regions, receivers: Regions
    ) -> tuple[int, Edge] | None:
        # The delay is applied by the mean-field side if there is one, else by a transformer.
        keeper = target if target.kind == "mean_field" or source.kind == "spiking" else source
        sheet = self._sheet
        step = sheet.step(keeper.name)
        extra = 1 if keeper.kind == "mean_field" else 0
        found = borders.crossing(
            sheet.case.brain, senders, receivers, sheet.clock.ms(step), extra
        )
        return found and (found[0], borders.in_ticks(found[1], step))

    def _joined(self, source: Owned, target: Owned) -> tuple[Regions, Regions]:
        """Return the regions of both sides between which interfaces carry activity."""
        sheet = self._sheet
        sender, receiver = sheet.config(source), sheet.config(target)
        senders, receivers = source.regions, target.regions
        if source.kind == "spiking":
            entries = sent(sender, target.model)
            senders = tuple(sorted({sheet.region(source, e) for e in entries}))
        if target.kind == "spiking":
            heard = [r for r in receiver.receives if source.model in r.sources]
            receivers = tuple(sorted({sheet.region(target, e) for e in heard}))
        if source.kind == target.kind == "mean_field":
            alike = sheet.engine(source).signature(sender) == sheet.engine(target).signature(
                receiver
            )
            if not alike and not translations(receiver, source.model):
                return (), ()
        return senders, receivers
