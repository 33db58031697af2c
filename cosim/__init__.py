"""One brain on several simulators."""
