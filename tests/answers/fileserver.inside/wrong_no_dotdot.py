"""Takes every path without two dots for one inside.

refused by: compares whole names
misconception: dotdot-is-the-only-way-out
"""


def inside(folder, path):
    return ".." not in path and path.startswith(folder + "/")
