"""Pictures of results."""

from cosim.plotting.run_picture import draw

__all__ = ["draw"]
