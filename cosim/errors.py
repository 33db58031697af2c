"""Everything the framework raises on purpose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class CosimError(Exception):
    """Root of every error that is raised on purpose."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a scenario, addressed by its place in the YAML file.

    Parameters
    ----------
    path
        Keys and list indices that lead from the top of the scenario to the culprit.
    message
        What is wrong, naming the key and the value.
    expected
        What would have been right.
    hint
        The nearest legal spelling, or another mend; empty when there is none.
    """

    path: tuple[str | int, ...]
    message: str
    expected: str = ""
    hint: str = ""

    def text(self) -> str:
        """Return the message with what was expected and the hint, without the place."""
        parts = [self.message]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.hint:
            parts.append(self.hint)
        return "; ".join(parts)


class ScenarioInvalid(CosimError):
    """The user's scenario is wrong: all problems at once, exit code 2, no traceback.

    Parameters
    ----------
    lines
        One finished line a problem, each beginning with ``file:line:``.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class UsageError(CosimError):
    """The command or its surroundings do not fit the scenario: exit code 2, no traceback."""


class RoleFailed(CosimError):
    """A role failed while it ran.

    Parameters
    ----------
    role
        Name of the simulator or transformer.
    rank
        MPI rank on which it ran.
    window
        Index of the window, -1 before the first.
    cause
        One line that says why.
    region
        Labels of the regions concerned, empty if all or none.
    """

    def __init__(self, role: str, rank: int, window: int, cause: str, region: str = "") -> None:
        self.role, self.rank, self.window, self.cause, self.region = (
            role, rank, window, cause, region,
        )
        when = f"window {window}" if window >= 0 else "preparation"
        where = f", region {region}" if region else ""
        super().__init__(f"role {role} on rank {rank}{where} failed in {when}: {cause}")


def said(error: BaseException) -> str:
    """Return an error in one line: our own words as they are, others with their type."""
    own = isinstance(error, CosimError)
    return " ".join((str(error) if own else f"{type(error).__name__}: {error}").split())


class PeerFailed(CosimError):
    """Another rank failed first: its report is shown, our traceback is not."""


class BorderError(CosimError):
    """Data that must not cross a border: NaN, infinite or negative rates, spikes out of window.

    Parameters
    ----------
    cause
        What is wrong, with variable and time.
    region
        Label of the region concerned.
    """

    def __init__(self, cause: str, region: str = "") -> None:
        self.cause, self.region = cause, region
        super().__init__(cause)


class WouldHang(CosimError):
    """Every role of a process waits for another one of the same process."""
