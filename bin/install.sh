#!/bin/sh
# Makes .venv and installs exactly what the given requirements file names.
# Debian ships `venv` without its pip; where that is so, the missing package is
# installed if we may, else the sentence below says what to type.
set -eu
requirements=$1
python=${PYTHON:-python3}
venv=.venv

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Guildhall needs Python 3.11 or newer; $python is $("$python" -V 2>&1). Set PYTHON=/path/to/python3.11." >&2
    exit 1
}
if [ ! -x "$venv/bin/pip" ]; then
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
            echo "Installing python3-venv, which this Python lacks."
            apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv >/dev/null
        else
            echo "This Python cannot make virtual environments. On Debian: sudo apt-get install python3-venv" >&2
            exit 1
        fi
    fi
    echo "Making $venv"
    "$python" -m venv "$venv"
fi
echo "Installing from $requirements"
"$venv/bin/pip" --disable-pip-version-check install --quiet --require-hashes -r "$requirements"
"$venv/bin/pip" --disable-pip-version-check install --quiet --no-deps --no-build-isolation -e .
