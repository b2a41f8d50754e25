import os


def inside(folder, path):
    return os.path.commonpath([folder, path]) == folder
