"""Asks the folders above the path."""

from pathlib import PurePath


def inside(folder, path):
    return PurePath(folder) in PurePath(path).parents
