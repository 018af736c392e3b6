#!/bin/sh
# Runs the tests that are given as arguments on Debian 13's PostgreSQL 17, which is built with LLVM and has `jit = on`.
# It runs from a folder with a small Debian 13 (debootstrap), which comes once from the mirror that apt uses here.
# Where that cannot be installed, it says why, and succeeds.
set -eu
root=$PWD/.debian17
programs=/usr/lib/postgresql/17/bin

skip() {
    echo "Nothing was tested on Debian's PostgreSQL 17: $1" >&2
    exit 0
}

inside() {
    chroot --userspec=postgres:postgres "$root" /usr/bin/env -i LANG=C PATH=/usr/bin:/bin "$@"
}

# Installed whole, or not at all: the folder gets its name at the end.
install() {
    sh tests/support/install_package.sh debootstrap debootstrap /usr/sbin/debootstrap
    [ -x /usr/sbin/debootstrap ] || skip "debootstrap is not installed. On Debian: sudo apt-get install debootstrap"
    mirror=$(apt-get indextargets --format '$(ORIGIN) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
        awk '$1 == "Debian" && $2 !~ /-security$/ { print $3; exit }')
    [ -n "$mirror" ] || skip "apt has no mirror of Debian here."
    echo "Installing Debian 13 with PostgreSQL 17 in $root, once."
    rm -rf "$root.new"
    if ! debootstrap --variant=minbase --include=postgresql-17 trixie "$root.new" "$mirror" >"$root.log" 2>&1; then
        tail -n 3 "$root.log" >&2
        rm -rf "$root.new"
        skip "debootstrap cannot install it; $root.log has what it said."
    fi
    rm -rf "$root.new"/var/cache/apt/archives/*.deb "$root.log"
    mv "$root.new" "$root"
}

[ "$(id -u)" = 0 ] || skip "chroot needs root."
command -v apt-get >/dev/null || skip "there is no apt here."
[ -x "$root$programs/postgres" ] || install

data=/var/lib/postgresql/tests.$$
port=$(.venv/bin/python -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
stop() {
    inside "$programs/pg_ctl" --pgdata="$data" --mode=immediate stop >/dev/null 2>&1 || true
    rm -rf "$root$data"
}
trap stop EXIT
trap 'exit 130' INT TERM
inside "$programs/initdb" --pgdata="$data" --username=postgres --auth=trust --encoding=UTF8 --locale=C --no-sync >/dev/null
# Settings of Debian's package, but for durability, which tests do not need.
inside "$programs/pg_ctl" --pgdata="$data" --log="$data/log" --wait start --options="-c port=$port \
-c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=300 -c fsync=off" >/dev/null
inside "$programs/psql" --host=127.0.0.1 --port="$port" --username=postgres --no-align --tuples-only --command="
    SELECT split_part(version(), ' (', 1), 'jit: ' || current_setting('jit'), 'LLVM: ' || pg_jit_available()"
.venv/bin/python -m pytest -n 2 --server="postgresql://postgres@127.0.0.1:$port/postgres" "$@"
