"""What a run will take: from a short calibration, and from a plan."""
