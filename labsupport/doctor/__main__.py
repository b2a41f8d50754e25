"""`python -m labsupport.doctor`: see the package's text."""

from __future__ import annotations

import sys
from pathlib import Path

from labsupport.checking import InputError, find_course
from labsupport.doctor import doctor

if __name__ == "__main__":
    try:
        sys.exit(doctor(find_course(Path.cwd())))
    except InputError as problem:
        sys.exit(str(problem))
