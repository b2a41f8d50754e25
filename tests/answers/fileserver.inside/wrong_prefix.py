"""Compares letters, not names.

refused by: compares whole names
misconception: dotdot-is-the-only-way-out
"""


def inside(folder, path):
    return path.startswith(folder)
