"""The engines that execute a training step, and the revisions of their numbers."""

#: Raised by 1 when a change of the code changes the numbers of an engine; see `Component.revision`.
ENGINE_REVISIONS = {"eager": 0, "traced": 0, "compiled": 1}

#: See `Component.last_correction`; an engine that is missing was corrected by its present revision.
LAST_CORRECTIONS = {"compiled": 0}
