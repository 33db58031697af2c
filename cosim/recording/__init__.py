"""What a run leaves behind, from the writer's side.

Each rank appends to a file of its own, ``rank-0003.h5``, so that no rank waits for another one
to write. ``result.h5`` holds what the run was and a link to every recording in those files.

Layout of a rank's file::

    /signals/<name>/             attributes: unit, and what the recording role says about it
        columns                  what each column is
        values                   (rows, columns), float64
        time_ms                  (rows,), float64
    /spikes/<region>/<population>/
                                 attributes: region, population, size, stride, tick_ms
        sender                   (spikes,), int32, index of the neuron within its population
        time_ms                  (spikes,), float64
        until_ms                 everything up to this time is there
    /timing/<role>/              attributes: role, window_ms; one row a window
        window, wait_s, exchange_s, compute_s, waited_for, begin_s
        peers                    the roles that `waited_for` counts; -1 is nobody

Files are in HDF5's single-writer-multiple-readers mode from the first window on: what was flushed
can be read while the run goes on and after its processes were killed. Until a file has been closed
properly, open it, or ``result.h5`` in its place, with ``h5py.File(path, swmr=True)``; rows beyond
the last valid (not NaN) `time_ms` or `begin_s` are not yet complete.
`cosim.results.open_result` sees to both.
"""

from cosim.recording.names import Declaration
from cosim.recording.rank_file import RankFile
from cosim.recording.result_file import About, create_result, finish_result
from cosim.recording.run_dir import RunDir
from cosim.recording.sinks import TimingSink, WindowTiming

__all__ = [
    "About",
    "Declaration",
    "RankFile",
    "RunDir",
    "TimingSink",
    "WindowTiming",
    "create_result",
    "finish_result",
]
