"""The tests; `conftest` has what they share."""

import os

# A process a core: more threads would only wait for each other. Read when NumPy and torch load.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
