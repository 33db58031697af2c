"""Spiking regions in NEST.

Importing this package does not import NEST: only checking a scenario against NEST's own models,
and building an instance, do.
"""

from cosim_nest.engine import ENGINE

__all__ = ["ENGINE"]
