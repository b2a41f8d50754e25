"""Finds the folder anywhere in the path.

refused by: compares whole names
misconception: dotdot-is-the-only-way-out
"""


def inside(folder, path):
    return folder + "/" in path
