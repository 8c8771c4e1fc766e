"""The machine: hardware, GPU, provenance, random streams, files and the cache."""
