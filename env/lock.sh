#!/usr/bin/env bash
# Remake requirements.lock and soak.lock from pyproject.toml, for all supported Pythons and systems at once; needs uv.
# torch stays out (see torch.lock); what torch itself needs of pure Python is named here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' 'torch ; sys_platform == "never"' 'vot-toolkit==0.7.4' > "$work/override.txt"
printf '%s\n' filelock fsspec jinja2 networkx sympy typing-extensions 'setuptools>=77' > "$work/more.in"
lock() {
    uv pip compile pyproject.toml "$work/more.in" --extra test --override "$work/override.txt" \
        --universal --python-version 3.10 --generate-hashes --no-header --no-annotate \
        --no-emit-package torch --quiet "$@"
}
{
    echo '# Every package but torch, exactly, with hashes, for Python 3.10 to 3.13. Made by env/lock.sh.'
    echo '# Install with: env/install.sh PYTHON'
    lock
} > "$work/requirements.lock"
mv "$work/requirements.lock" env/requirements.lock
mapfile -t present < <(sed -n 's/^\([a-z0-9._-]*\)==.*/\1/p' env/requirements.lock | sort -u)
{
    echo '# What the tools of make soak need beside requirements.lock, laid over its packages. Made by env/lock.sh.'
    lock --extra soak --constraint env/requirements.lock "${present[@]/#/--no-emit-package=}"
} > "$work/soak.lock"
mv "$work/soak.lock" env/soak.lock
