"""Neuron models that NEST lacks, compiled on the user's machine, and the cells made of them.

Importing this package or any module of it imports neither NEST nor NESTML.
"""
