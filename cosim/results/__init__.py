"""Reading what a run left behind."""

from cosim.results.files import ResultError
from cosim.results.reader import Result, open_result
from cosim.results.spikes import SpikeTrains
from cosim.results.summary import (
    ActivityRow,
    PopulationRow,
    RoleRow,
    settled_ms,
    summary_table,
)

__all__ = [
    "ActivityRow",
    "PopulationRow",
    "Result",
    "ResultError",
    "RoleRow",
    "SpikeTrains",
    "open_result",
    "settled_ms",
    "summary_table",
]
