"""The documentation: its examples run, and its reference covers the code."""
