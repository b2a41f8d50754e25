"""`python -m labsupport.lab`: see the package's text."""

from labsupport.lab import main

if __name__ == "__main__":
    main()
