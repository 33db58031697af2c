"""The table at the end of a run."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from cosim.results import Result
from cosim.results.summary import ActivityRow, PopulationRow, RoleRow, summary_table


def show_summary(result: Result, out: Console) -> None:
    """Print rates, mean-field activity and where the time went."""
    rows = summary_table(result)
    tables = (
        _populations([r for r in rows if isinstance(r, PopulationRow)]),
        _activity([r for r in rows if isinstance(r, ActivityRow)]),
        _roles([r for r in rows if isinstance(r, RoleRow)]),
    )
    for table in tables:
        if table.row_count:
            out.print(table)


def _populations(rows: list[PopulationRow]) -> Table:
    table = _table("Spiking populations", "region", "population", "neurons", "rate (spikes/s)",
                   "CV of ISI", "Fano factor")
    for r in rows:
        table.add_row(r.region, r.population, str(r.size), _number(r.rate_hz), _number(r.cv_isi),
                      _number(r.fano))
    return table


def _activity(rows: list[ActivityRow]) -> Table:
    table = _table("Mean-field activity", "signal", "variable", "regions", "mean", "sd", "unit")
    for r in rows:
        table.add_row(r.signal, r.variable, str(r.regions), _number(r.mean), _number(r.sd), r.unit)
    return table


def _roles(rows: list[RoleRow]) -> Table:
    table = _table("Where the time went", "role", "compute", "exchange", "wait", "waiting",
                   "real-time factor")
    for r in rows:
        table.add_row(r.role, f"{r.compute_s:.2f} s", f"{r.exchange_s:.2f} s", f"{r.wait_s:.2f} s",
                      f"{r.wait_share:.0%}", _number(r.real_time_factor))
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _number(value: float) -> str:
    return f"{value:.3g}"
