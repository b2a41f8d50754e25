"""The course for a class, on one machine, by JupyterHub.

`jupyterhub_config` is the file that `jupyterhub -f` takes, `hub` what it says to JupyterHub. For
each user the hub then starts `start`, with that user's rights alone: `copying` makes or updates the
user's copy of the course, with `merging` for notebooks that both sides have changed, and the
server takes the place of the process. JupyterHub itself is imported nowhere here.
"""
