"""The table at the end of a run."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cosim.results import Result
from cosim.results.profile import SUMS
from cosim.results.summary import (
    ActivityRow,
    PopulationRow,
    RoleRow,
    settled_ms,
    summary_table,
)
from cosim.units import format_ms


def show_summary(result: Result, out: Console) -> None:
    """Print rates, mean-field activity and where the time went."""
    start_ms = settled_ms(result)
    rows = summary_table(result, start_ms)
    since = f"from {format_ms(start_ms)} on"
    populations = [r for r in rows if isinstance(r, PopulationRow)]
    tables = (
        _populations(populations, since),
        _activity([r for r in rows if isinstance(r, ActivityRow)], since),
        _roles([r for r in rows if isinstance(r, RoleRow)]),
    )
    for table, notes in zip(tables, (_sources(populations), [], []), strict=True):
        if table.row_count:
            out.print(table)
        for note in notes:
            out.print(note, highlight=False, markup=False)


def _populations(rows: list[PopulationRow], since: str) -> Table:
    compared = ["reference", "rate is"] if any(r.reference for r in rows) else []
    table = _table(f"Spiking populations, {since}", "region", "population", "neurons",
                   "rate (spikes/s)", *compared, "CV of ISI", "Fano factor")
    for r in rows:
        verdict = [_band(r), r.verdict] if compared else []
        table.add_row(r.region, r.population, str(r.size), _number(r.rate_hz), *verdict,
                      _number(r.cv_isi), _number(r.fano))
    return table


def _band(row: PopulationRow) -> str:
    band = row.reference
    return "" if band is None else f"{band.low_hz:g} to {band.high_hz:g}"


def _sources(rows: list[PopulationRow]) -> list[str]:
    """Say where the references are from, each source once."""
    sources = [r.reference.source for r in rows if r.reference is not None and r.reference.source]
    return [f"reference: {source}" for source in dict.fromkeys(sources)]


def _activity(rows: list[ActivityRow], since: str) -> Table:
    title = f"Mean-field activity, {since}"
    table = _table(title, "signal", "variable", "regions", "mean", "sd", "unit")
    for r in rows:
        table.add_row(r.signal, r.variable, str(r.regions), _number(r.mean), _number(r.sd), r.unit)
    return table


def _roles(rows: list[RoleRow]) -> Table:
    table = _table("Where the time went", "role", *SUMS, "waiting", "real-time factor")
    for r in rows:
        table.add_row(r.role, *(f"{r.spent_s[name]:.2f} s" for name in SUMS),
                      f"{r.wait_share:.0%}", _number(r.real_time_factor))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _number(value: float) -> str:
    return f"{value:.3g}"
