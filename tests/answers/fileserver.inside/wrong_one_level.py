"""Knows the files of the folder, and not those of its folders.

refused by: compares whole names
misconception: dotdot-is-the-only-way-out
"""

import os


def inside(folder, path):
    return os.path.dirname(path) == folder
