"""Small experiments that explain weight decay: in seconds, without a study.

They train a few runs, or follow an optimizer on a function of two variables, and store nothing.
"""
