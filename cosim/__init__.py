"""One brain on several simulators: spiking regions in NEST inside a whole brain in TVB.

`open_result` reads what a run left behind. Everything else is reached by the command ``cosim``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosim.results import open_result

__all__ = ["open_result"]


def __getattr__(name: str) -> object:
    # xarray takes half a second to import, which ranks need not spend.
    if name == "open_result":
        from cosim.results import open_result

        return open_result
    raise AttributeError(f"module 'cosim' has no attribute '{name}'")
