#!/usr/bin/env bash
# Gradescope runs this once, as root, to build the image in which submissions are graded.
# It needs Ubuntu 22.04 or newer, or Debian 12: choose it under "Base Image".
set -euo pipefail
autograder="${AUTOGRADER:-/autograder}"
course="$autograder/source/course"

newest() {
  local name
  for name in python3.14 python3.13 python3.12 python3.11; do
    if "$name" -c 'import ensurepip, venv' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
}

python="$(newest)"
if [[ -z "$python" ]]; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  for version in 3.14 3.13 3.12 3.11; do
    if apt-get install -y --no-install-recommends "python$version" "python$version-venv"; then
      break
    fi
  done
  python="$(newest)"
fi
if [[ -z "$python" ]]; then
  echo "This image has no Python 3.11 or newer. Choose Ubuntu 22.04 or newer as base image." >&2
  exit 1
fi

"$python" -m venv "$autograder/venv"
"$autograder/venv/bin/python" -m pip install --no-cache-dir \
  --constraint "$course/constraints.txt" --editable "$course"

# It shows in the log of the build that grading works here, and draws the secret from which the data
# of all checks are made: the same answer meets the same data in every container of this image.
mkdir -p "$autograder/empty"
cd "$course"
"$autograder/venv/bin/python" -m labsupport.cli grade "$autograder/empty" \
  --exercise "$(head -n 1 "$autograder/source/exercises.txt")" --into "$autograder/graded"
