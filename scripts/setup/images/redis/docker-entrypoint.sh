#!/bin/sh
# As in the official image: options, and a configuration file, are for redis-server, which root does not run itself.
set -e
case "$1" in -* | *.conf) set -- redis-server "$@" ;; esac
if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
    find . ! -user redis -exec chown redis {} +
    exec gosu redis "$0" "$@"
fi
umask 0077
exec "$@"
