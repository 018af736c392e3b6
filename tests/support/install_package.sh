#!/bin/sh
# Installs a Debian package that some tests need: install_package.sh PACKAGE COMMAND…
# It does nothing if one of the commands exists. If it cannot install the package, it
# prints how to do so and succeeds: the tests then fail or are skipped, and say why.
set -eu

package=$1
shift
for name in "$@"; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing $package, which some tests need."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$package" >/dev/null
else
    echo "Some tests need $package, which is not installed. On Debian: sudo apt-get install $package" >&2
fi
