"""What each command does, as functions without a terminal.

One module per command: `run`, `sweep` (a grid, or a `search`), `study`, `extend`, `report`,
`compare`, `plot`, `import_runs`; `listing` and `components` answer ``ls``, ``show`` and
``components``. `training` executes a configuration with its tracker, `dry_run` plans it only.
"""
