#!/bin/sh
# Generates the secrets of a new installation, once: those of the database's owner in
# /owner, those of the server in /server. Every user of a container that mounts a folder
# may read it; compose.yaml mounts each only where it is needed.
set -eu
umask 022

random() {
    od -An -N32 -tx1 /dev/urandom | tr -d ' \n'
}

if [ ! -s /server/secret ]; then
    superuser=$(random) owner=$(random) server=$(random)
    printf %s "$superuser" >/owner/superuser
    printf %s "$owner" >/owner/owner
    printf %s "$server" >/owner/server
    printf %s "postgresql://guildhall_owner:$owner@database:5432/guildhall" >/owner/owner_url
    printf %s "postgresql://guildhall:$server@database:5432/guildhall" >/server/url
    random >/server/metrics
    random >/server/secret
fi
