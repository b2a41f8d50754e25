"""The notebooks under test: strict nbval with what it does not check, and `make outputs`.

Importing this package comes first in every process that runs notebooks, so it also spares them the
import of rfc3987_syntax: jsonschema takes it when it is there, for two formats that no notebook
schema uses, and it builds 35 grammars, about 3 s in every process.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
