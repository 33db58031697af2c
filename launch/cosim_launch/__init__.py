"""Launch commands as values."""
