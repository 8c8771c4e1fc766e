"""Mirroring stored runs to an experiment tracker."""
