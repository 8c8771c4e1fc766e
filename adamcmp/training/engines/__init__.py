"""How a step of fused lanes is executed: compiled, or replayed as a CUDA graph."""
