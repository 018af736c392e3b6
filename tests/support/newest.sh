#!/bin/sh
# Runs the tests that are given as arguments on the newest Python that is here, beside the one of .venv: whether
# everything installs there, whether the OpenAPI document is the same, whether they pass.
set -eu
venv=.venv-newest
used=$(.venv/bin/python -c 'import sys; print(sys.version_info[1])')

newest() {
    for minor in 14 13 12; do
        [ "$minor" -gt "$used" ] || return 0
        for python in "$(command -v "python3.$minor" || true)" \
            "${PYENV_ROOT:-$HOME/.pyenv}/versions/3.$minor."*"/bin/python3.$minor"; do
            if [ -x "$python" ] && "$python" -c 'import sys; sys.exit(sys.version_info[1] != '"$minor"')' 2>/dev/null; then
                echo "$python"
                return 0
            fi
        done
    done
}

python=$(newest)
if [ -z "$python" ]; then
    echo "There is no Python newer than 3.$used here: nothing was tested beside it."
    exit 0
fi
version=$("$python" -c 'import platform; print(platform.python_version())')
if [ ! -x "$venv/bin/python" ] || [ "$("$venv/bin/python" -c 'import platform; print(platform.python_version())')" != "$version" ]; then
    .venv/bin/uv venv --quiet --clear --python "$python" "$venv"
fi
echo "Installing for Python $version"
.venv/bin/uv pip install --quiet --python "$venv/bin/python" --require-hashes -r requirements-dev.txt
.venv/bin/uv pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation -e .
echo "Comparing the OpenAPI document"
"$venv/bin/python" -m api openapi | diff tests/architecture/openapi.json - || {
    echo "Python $version writes another OpenAPI document than Python 3.$used." >&2
    exit 1
}
"$venv/bin/python" -m pytest "$@"
