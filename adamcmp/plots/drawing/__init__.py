"""Shared drawing functions: styles, panels, labels, notes, legends, curves and grids."""
