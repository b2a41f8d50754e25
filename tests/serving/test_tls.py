"""A Tornado application behind TLS, with an authority that is made for the run."""

from __future__ import annotations

import ssl

import httpx
import pytest
import trustme
from tornado.web import Application

from labsupport import serve, twins


def test_an_application_is_served_over_tls() -> None:
    authority = trustme.CA()
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(ours)
    trusting = ssl.create_default_context()
    with serve(twins.resources(), tls=ours, name="tls") as server:
        url = f"https://127.0.0.1:{server.port}/users/1"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(url, verify=trusting, trust_env=False, timeout=30)
        authority.configure_trust(trusting)
        user = httpx.get(url, verify=trusting, trust_env=False, timeout=30).json()
    assert user["name"] == "Ada"


def test_tls_is_for_applications() -> None:
    with pytest.raises(ValueError, match="tls is for a Tornado application"):
        serve(print, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    with serve(Application([]), name="plain") as server:
        assert httpx.get(f"http://127.0.0.1:{server.port}/", trust_env=False).status_code == 404
