"""JupyterLab in a real browser: what a learner sees after Run All."""
