"""How the steps of fused lanes are executed: traced and compiled, or replayed as CUDA graphs."""
