"""The notebooks under test: strict nbval with what it does not check, and `make outputs`."""
