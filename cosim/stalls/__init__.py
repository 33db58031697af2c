"""Waits that are too long: who waits for whom, and whether that will ever end.

A rank that computes cannot answer messages, so its sentinel does. The modules here are imported by
the sentinel before anything large and must stay light.
"""
