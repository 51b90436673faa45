#!/usr/bin/env bash
# Install the locked packages and this project into the environment of one interpreter: env/install.sh PYTHON
set -euo pipefail
python=$(command -v "$1")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")  # absolute, and still the link that a venv has
cd "$(dirname "${BASH_SOURCE[0]}")/.."
say() { echo "$(date +%T) $*"; }
say "1 of 4: $(grep -c '^[A-Za-z0-9]' env/requirements.lock) locked packages"
"$python" -m pip install --quiet --no-deps --require-hashes -r env/requirements.lock
say "2 of 4: torch"
"$python" -m pip install --quiet -r env/torch.lock
say "3 of 4: this project"
"$python" -m pip install --quiet --no-deps --no-build-isolation -e .
say "4 of 4: compiling the toolkit's overlap"
# numba compiles the toolkit's overlap once, for all processes
"$python" -c 'from vot.region import Rectangle, calculate_overlap as overlap
overlap(Rectangle(0, 0, 9, 9), Rectangle(1, 1, 9, 9), (20, 20))'
