"""What plots share when they draw: styles, panels, labels, notes, legends, curves and grids."""
