"""The plan as tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cosim.cli.running import allowing, console
from cosim.plan.model import SPIKE_BYTES, ChannelPlan, Plan, TransformerPlan
from cosim.scenario.guards import Guards, Runaway, Silent
from cosim.scenario.load import Case, remarks
from cosim.units import format_ms


def show_plan(case: Case, plan: Plan, scenario: Path) -> None:
    """Print who owns what, window and lags, channels, conversions and the launch command."""
    out = console()
    clock = plan.clock
    out.print(f"[bold]{case.scenario.name}[/]  plan {plan.hash()}", highlight=False)
    out.print(
        f"{len(case.brain.labels)} regions, {clock.ms(clock.duration):g} ms in {clock.windows} "
        f"windows of {clock.ms(clock.window):g} ms ({plan.window_reason}), "
        f"tick {clock.tick_ms:g} ms", highlight=False, soft_wrap=True,
    )
    tables = _roles(case, plan), _borders(plan), _channels(plan), _conversions(plan)
    for table in (*tables, _stimuli(case, plan)):
        if table.row_count:
            out.print(table)
    _cuts(plan, out)
    for remark in remarks(case):
        out.print(f"note: {remark}", highlight=False, soft_wrap=True)
    guards = ", ".join(_guards(case.scenario.guards))
    if guards:
        out.print(f"guards: {guards}", highlight=False, soft_wrap=True)
    from cosim.cli.launching import command_for

    command = command_for(plan, ["run", str(scenario), *allowing()])
    out.print(f"[bold]{plan.ranks} ranks[/]; launch with:", highlight=False)
    out.print(f"  {command.text()}", highlight=False, soft_wrap=True)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _roles(case: Case, plan: Plan) -> Table:
    table = _table("Ranks", "rank", "role", "engine", "threads", "step", "regions")
    for s in plan.simulators:
        shown = ", ".join(case.brain.labels[i] for i in s.regions[:4])
        more = f" and {len(s.regions) - 4} more" if len(s.regions) > 4 else ""
        table.add_row(
            str(s.rank), f"{s.name} ({s.model})" if s.name != s.model else s.name, s.engine,
            str(s.threads), f"{plan.clock.ms(s.step):g} ms", shown + more,
        )
    for t in plan.transformers:
        table.add_row(str(t.rank), t.name, t.through.name, "1", f"{plan.clock.ms(t.step_out):g} ms")
    return table


def _borders(plan: Plan) -> Table:
    table = _table("Borders", "from", "to", "edges", "shortest edge", "length", "delay", "lag")
    for b in plan.borders:
        e = b.shortest
        table.add_row(
            b.source, b.target, str(b.edges), f"{e.source} -> {e.target}", f"{e.length_mm:.1f} mm",
            f"{plan.clock.ms(e.delay):g} ms", f"{b.lag} windows",
        )
    return table


def _channels(plan: Plan) -> Table:
    table = _table("Channels", "from", "to", "carries", "bytes/window", "lag")
    for c in plan.channels:
        table.add_row(c.source, c.target, _carries(c), _bytes(c), str(c.lag))
    return table


def _carries(channel: ChannelPlan) -> str:
    if channel.spikes:
        return f"spikes of {channel.columns}"
    return f"{channel.rows} x {channel.columns} values"


def _bytes(channel: ChannelPlan) -> str:
    return f"{SPIKE_BYTES} a spike" if channel.spikes else str(channel.signal_bytes)


def _conversions(plan: Plan) -> Table:
    table = _table("Conversions", "transformer", "from", "to", "how", "adds")
    for t in plan.transformers:
        table.add_row(t.name, t.unit_in, t.unit_out, _how(t), f"{t.delay_ms:.4g} ms")
    return table


def _how(t: TransformerPlan) -> str:
    if t.kind == "relay":
        return f"spikes to {t.trains} fibres, weighted by their synapses alone"
    if t.gating is not None:
        scale = f"gating (tau_S {t.gating.tau_S:g} ms, gamma {t.gating.gamma:g})"
    else:
        scale = f"x {t.gain:g} {t.unit_out} per {t.unit_in}"
    if t.offset:
        scale += f" + {t.offset:g}"
    if t.maximum is not None:
        scale += f", at most {t.maximum:g}"
    if t.kind == "out_of_spikes":
        parameters = ", ".join(f"{k} {v}" for k, v in t.through.parameters.items())
        return f"rate ({parameters}), {scale}" if parameters else f"rate, {scale}"
    if t.kind == "into_spikes":
        trains = f"{t.trains} trains" if t.trains else "Poisson devices"
        return f"{scale}, {t.through.name}, {trains}"
    return scale


def _guards(guards: Guards) -> Iterator[str]:
    """Yield what guards do differently from the defaults."""
    usual = Guards()
    for name in Guards.model_fields:
        rule = getattr(guards, name)
        if rule == getattr(usual, name):
            continue
        action = rule if isinstance(rule, str) else rule.action
        at = ""
        if isinstance(rule, Runaway):
            at = f" above {rule.above:g} Hz for {format_ms(rule.length)}"
        elif isinstance(rule, Silent):
            at = f" for {format_ms(rule.length)} and {format_ms(rule.cell_time)} of all cells"
        yield f"{name}{at if action != 'ignore' else ''}: {action}"


def _stimuli(case: Case, plan: Plan) -> Table:
    """List the stimuli of models whose engine knows such; only the engine knows their class."""
    table = _table("Stimuli", "model", "regions", "changes", "from", "to")
    for model in dict.fromkeys(s.model for s in plan.simulators):
        for s in getattr(case.scenario.models[model], "stimuli", ()):
            table.add_row(
                model, ", ".join(s.patterns), f"{s.parameter} by {s.add:+g}",
                f"{format_ms(s.start)}", f"{format_ms(s.stop)}",
            )
    return table


def _cuts(plan: Plan, out: Console) -> None:
    for cut in plan.cuts:
        out.print(
            f"[yellow]warning[/] {cut.edges} edges {cut.source} -> {cut.target} have no interface "
            "and are cut", highlight=False, soft_wrap=True,
        )
