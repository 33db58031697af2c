"""How long a wait may last before somebody asks."""

from __future__ import annotations

#: Without a setting, a wait may last this many times as long as the slowest window of the job.
WINDOWS = 10.0
#: and never less than this.
FLOOR_S = 30.0


class WaitLimit:
    """A limit that is set, or that grows with the slowest window so far.

    Parameters
    ----------
    fixed_s
        What the user has set; None for a limit that follows the windows.
    """

    def __init__(self, fixed_s: float | None = None) -> None:
        self._fixed_s = fixed_s
        #: Processor time of the slowest window so far, of whichever role.
        self.slowest_s = 0.0

    @property
    def s(self) -> float:
        """The limit."""
        if self._fixed_s is not None:
            return self._fixed_s
        return max(FLOOR_S, WINDOWS * self.slowest_s)

    def saw(self, window_s: float) -> None:
        """Take notice of a window."""
        if window_s > self.slowest_s:
            self.slowest_s = window_s

    def worth_telling(self, told_s: float) -> bool:
        """Tell whether others, who know of `told_s`, would wait noticeably longer if told."""
        return WINDOWS * self.slowest_s > max(FLOOR_S, 1.25 * WINDOWS * told_s)
