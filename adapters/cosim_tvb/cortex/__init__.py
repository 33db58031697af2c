"""Cortex at rest: inhibition that holds the reduced Wong-Wang model at a few spikes/s.

Run ``python -m cosim_tvb.cortex scenario.yaml`` to tune a scenario; see
`cosim_tvb.cortex.scenario`.
"""
