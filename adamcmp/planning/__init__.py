"""From a study to run specs, lane groups and their expected cost."""
