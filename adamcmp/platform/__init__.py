"""The machine: hardware, GPU, random streams, files, the cache, torchvision's import."""
