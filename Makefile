# The three commands of the course. Options go through ARGS, for example: make lab ARGS=--no-browser
# Another Python than python3: make lab PYTHON=python3.12
PYTHON ?= python3
ARGS ?=

.PHONY: lab test outputs

# Open the course in JupyterLab.
lab: python
	@$(PYTHON) labsupport/bootstrap.py lab $(ARGS)

# Test the course; with ARGS=--all as CI does. In a learners' copy, the notebooks.
test: python
	@$(PYTHON) labsupport/bootstrap.py test $(ARGS)

# Run the notebooks again and keep the outputs that changed.
outputs: python
	@$(PYTHON) labsupport/bootstrap.py outputs $(ARGS)

.PHONY: python
python:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "There is no command $(PYTHON) here. Install Python 3.11 or newer (https://www.python.org/downloads/),"; \
	  echo "or name the one you have: make lab PYTHON=python3.12"; exit 1; }
