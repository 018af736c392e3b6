#!/bin/sh
# Creates the two log-ins and the database of docs/production.md.
set -eu
psql --quiet --set=ON_ERROR_STOP=1 --username=postgres \
    --set=owner="$(cat /owner/owner)" --set=server="$(cat /owner/server)" <<'SQL'
CREATE ROLE guildhall_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE guildhall LOGIN PASSWORD :'server';
CREATE DATABASE guildhall OWNER guildhall_owner;
SQL
