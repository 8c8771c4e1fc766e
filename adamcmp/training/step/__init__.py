"""One training step of a group's lanes: state, forward passes, optimizer drivers, execution."""
