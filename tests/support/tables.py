"""A table with texts that Markdown and LaTeX would interpret."""

import numpy as np
import pandas as pd

from adamcmp.reporting.tables import Table

TABLE = Table(
    "t",
    "A & B",
    "50 % of <x>",
    pd.DataFrame(
        {
            "problem": ["p"] * 2,
            "optimizer": ["adam_l2", "a|b"],
            "test_error": [0.25, 0.1234],
            "test_error_ci_low": [0.2, 0.12],
            "test_error_ci_high": [0.3, np.nan],
            "n": [3, 1],
        }
    ),
)
