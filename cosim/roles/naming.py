"""Who failed: whatever goes wrong in a role is reported under its name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cosim.errors import PeerFailed, RoleFailed, said


@contextmanager
def named(role: str, rank: int, window: int, region: str) -> Iterator[None]:
    """Report what goes wrong inside as the failure of a role.

    Parameters
    ----------
    role, rank
        The role and where it runs.
    window
        Index of its window; -1 in preparation.
    region
        Labels of its regions, for what does not know better itself.

    Raises
    ------
    RoleFailed
        In the place of any other exception.
    """
    try:
        yield
    except (PeerFailed, RoleFailed):
        raise
    # The boundary of a role: simulators and transformers of anybody, who may even call `sys.exit`.
    except (Exception, SystemExit) as error:
        region = getattr(error, "region", "") or region
        raise RoleFailed(role, rank, window, said(error), region) from error
