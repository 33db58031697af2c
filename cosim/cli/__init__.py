"""The command ``cosim``."""

from cosim.cli.main import main

__all__ = ["main"]
