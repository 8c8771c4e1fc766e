"""The engines that execute a training step, and the revisions of their numbers."""

#: Raised by 1 when a fix changes the numbers of an engine; see `Component.revision`.
ENGINE_REVISIONS = {"eager": 0, "traced": 0, "compiled": 1}
