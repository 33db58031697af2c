"""Bounded queues between roles: in memory, and over MPI."""
