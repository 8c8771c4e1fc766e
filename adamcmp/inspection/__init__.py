"""How an optimizer decays weights, measured by probes of its updates."""
