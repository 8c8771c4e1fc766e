"""The commands as functions, independent of a terminal.

One module per command: `run`, `sweep` (a grid, or a `search`), `study`, `extend`, `settle`,
`report`, `compare`, `plot`, `import_runs`, `check`, `inspect`, `convert`, `equivalence`,
`landscape`; `listing` and `components` serve ``ls``, ``show`` and ``components``. `training`
executes a configuration with its tracker; `dry_run` only plans it.
"""
