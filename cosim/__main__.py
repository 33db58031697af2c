"""``python -m cosim``."""

from cosim.cli import main

main()
