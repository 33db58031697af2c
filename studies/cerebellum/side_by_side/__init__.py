"""The cerebellum as spiking neurons and as a mean field, in the same brain and alone."""
