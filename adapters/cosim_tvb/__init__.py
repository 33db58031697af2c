"""Mean-field regions in The Virtual Brain: the adapter of tvb-library.

Importing this package does not import tvb; only building an instance does.
"""

from __future__ import annotations

from cosim_tvb.engine import TvbEngine

__all__ = ["ENGINE", "TvbEngine"]

#: What the entry-point group ``cosim.simulators`` finds under the name ``tvb``.
ENGINE = TvbEngine()
