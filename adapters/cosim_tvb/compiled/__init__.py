"""A compiled loop over the steps of TVB; see `cosim_tvb.compiled.loop.CompiledLoop`."""
