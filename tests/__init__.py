"""The tests; `conftest` has what they share."""

import os

# One thread per process, since there is one process per core. NumPy and torch read this once.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
