"""The helper package of the course: peers, faulty cables, pictures and checks."""

__version__ = "0.1.0"
