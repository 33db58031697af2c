"""The spiking olivo-cerebellar circuit of the mouse as a network builder.

`wire` gives the connections as plain arrays and needs no NEST; `CEREBELLAR_CIRCUIT` is the
builder that YAML knows as ``cerebellar_circuit``.
"""
