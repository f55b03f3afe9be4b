#!/bin/sh
# By the image of PostgreSQL at its first start: the api's role, which is no superuser, and the database that it owns.
set -eu
psql --set ON_ERROR_STOP=1 --username postgres --set password="$(cat /run/secrets/sallyport-password)" <<'SQL'
CREATE ROLE sallyport LOGIN PASSWORD :'password';
CREATE DATABASE sallyport OWNER sallyport TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
SQL
