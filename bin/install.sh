#!/bin/sh
# Makes .venv and installs exactly what the given requirements file names.
# Debian's Python has `venv` but no pip to put into it, and its package with pip
# wants root: hence the wheel in bin/vendor, from which pip installs itself.
set -eu
requirements=$1
python=${PYTHON:-python3}
venv=.venv
pip_wheel=$(echo bin/vendor/pip-*.whl)

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Guildhall needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Set PYTHON=/path/to/python3.11." >&2
    exit 1
}
if [ ! -x "$venv/bin/pip" ]; then
    echo "Making $venv"
    "$python" -m venv --without-pip --clear "$venv"
    "$venv/bin/python" "$pip_wheel/pip" --disable-pip-version-check install --quiet --no-index "$pip_wheel"
fi
echo "Installing from $requirements"
"$venv/bin/pip" --disable-pip-version-check install --quiet --require-hashes -r "$requirements"
"$venv/bin/pip" --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
