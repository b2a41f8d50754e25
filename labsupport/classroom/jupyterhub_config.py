"""JupyterHub for a class: copy this file, decide what it asks, and run `jupyterhub -f` with it.

README.md in the instructor's labsupport/classroom says what to install and what is enforced.
JupyterHub's settings:
https://jupyterhub.readthedocs.io/en/stable/reference/config-reference.html
"""

from labsupport.classroom.hub import configure, installed_course

c = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub defines it

# Which course. This is the one that labsupport was installed from; it may not hold solutions.
# Other names: folder="..." in each home, idle_minutes=..., processes=... (see hub.configure).
configure(c, course=installed_course())

# Who may log in. `pam`: who has an account and a password on this machine, here the members of the
# system's group `class`. The hub then has to run as root, to start each server as its user.
c.JupyterHub.authenticator_class = "pam"
c.LocalAuthenticator.allowed_groups = {"class"}
# Users that see the admin page, can stop other servers, and open them.
c.Authenticator.admin_users = set()

# Where it is reached. On 127.0.0.1 it is this machine alone, for a web server in front of it that
# speaks HTTPS. Without one: "https://:443", with ssl_key and ssl_cert.
c.JupyterHub.bind_url = "http://127.0.0.1:8000"
# c.JupyterHub.ssl_key = "/etc/.../privkey.pem"
# c.JupyterHub.ssl_cert = "/etc/.../fullchain.pem"

# How servers are started. `localprocess` ignores limits of memory and processors: one learner's
# program can take all of either. `systemd`, from the package jupyterhub-systemdspawner, has Linux
# enforce them, where systemd runs:
c.JupyterHub.spawner_class = "localprocess"
# c.JupyterHub.spawner_class = "systemd"
# c.Spawner.mem_limit = "1G"
# c.Spawner.cpu_limit = 1.0

# At most so many servers at once; who comes later is asked to wait.
c.JupyterHub.active_server_limit = 40
