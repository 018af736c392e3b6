#!/bin/sh
# Debian's PgBouncer, for the tests behind a pooler. Where it cannot be installed
# this says how to and succeeds: those tests are then skipped and say why.
set -eu

for name in "${PGBOUNCER:-pgbouncer}" /usr/sbin/pgbouncer; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing PgBouncer, which some tests put before PostgreSQL."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq pgbouncer >/dev/null
else
    echo "Some tests need PgBouncer, which is not installed. On Debian: sudo apt-get install pgbouncer" >&2
fi
