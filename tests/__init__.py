"""The project's tests: of labsupport, of the notebooks, and of what the course promises."""
