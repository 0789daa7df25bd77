#!/bin/bash
# As in the official image: root hands over to postgres; an empty data folder becomes a database with the role and
# password of the environment, or of the files that it names.
set -Eeo pipefail

from_file() {
    local name=$1 file=$1_FILE
    if [ -n "${!name:-}" ] && [ -n "${!file:-}" ]; then
        echo >&2 "error: both $name and $file are set"
        exit 1
    fi
    if [ -n "${!file:-}" ]; then export "$name=$(< "${!file}")"; else export "$name=${!name:-$2}"; fi
    unset "$file"
}

initialise() {
    if [ -z "$POSTGRES_PASSWORD" ]; then
        echo >&2 'error: the database is not initialised, and there is no POSTGRES_PASSWORD'
        exit 1
    fi
    initdb --username="$POSTGRES_USER" --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD")
    printf '\nhost all all all scram-sha-256\n' >> "$PGDATA/pg_hba.conf"
    local psql=(psql --set ON_ERROR_STOP=1 --no-password --no-psqlrc --username "$POSTGRES_USER")
    # Without a port: nobody else meets a database that is not ready.
    pg_ctl --wait start --options="-c listen_addresses=''"
    if [ "$POSTGRES_DB" != postgres ]; then
        "${psql[@]}" --dbname postgres --set db="$POSTGRES_DB" <<< 'CREATE DATABASE :"db";'
    fi
    local each
    for each in /docker-entrypoint-initdb.d/*; do
        case "$each" in
            *.sh) if [ -x "$each" ]; then "$each"; else . "$each"; fi ;;
            *.sql) "${psql[@]}" --dbname "$POSTGRES_DB" --file "$each" ;;
        esac
    done
    pg_ctl --wait --mode fast stop
}

case "$1" in -*) set -- postgres "$@" ;; esac
if [ "$1" = postgres ]; then
    from_file POSTGRES_PASSWORD ''
    from_file POSTGRES_USER postgres
    from_file POSTGRES_DB "$POSTGRES_USER"
    mkdir --parents "$PGDATA"
    chmod 700 "$PGDATA"
    if [ "$(id --user)" = 0 ]; then
        find "$PGDATA" /var/run/postgresql ! -user postgres -exec chown postgres {} +
        exec gosu postgres "$0" "$@"
    fi
    [ -s "$PGDATA/PG_VERSION" ] || initialise
fi
exec "$@"
