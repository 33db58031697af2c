"""Transformers: spikes into rates, rates into spikes, and what lies around them on a channel."""
