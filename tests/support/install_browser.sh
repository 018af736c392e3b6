#!/bin/sh
# Debian's Chromium, for the tests of what a browser shows. Where it cannot be
# installed this says how to and succeeds: those tests then fail and say why.
set -eu

for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then
        exit 0
    fi
done

if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "Installing Chromium, which some tests drive."
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null
else
    echo "Some tests need Chromium, which is not installed. On Debian: sudo apt-get install chromium" >&2
fi
