"""What the handlers of all twins have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tornado.web import HTTPError, RequestHandler

__all__ = ["Answering"]


class Answering(RequestHandler):
    """HEAD is allowed where GET is, and 405 says what is (RFC 9110, section 15.5.6).

    allowed: the methods of this handler, as Allow has them.
    """

    allowed = "GET, HEAD"

    def head(self, *parts: str) -> Any:
        return self.get(*parts)

    def explained(self, status_code: int, about: Mapping[str, Any]) -> str:
        """For `write_error`: why the request was refused; "" where nobody said it."""
        if status_code == 405:
            self.set_header("Allow", self.allowed)
        error = about.get("exc_info", (None, None, None))[1]
        said = isinstance(error, HTTPError) and error.log_message
        return said % error.args if said else ""
