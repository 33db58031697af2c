"""What a user writes: reading it, checking it, and saying what is wrong with it."""
