#!/bin/sh
# As in the official image: what lies in /docker-entrypoint.d runs before nginx does.
set -e
if [ "$1" = nginx ] || [ "$1" = nginx-debug ]; then
    for part in /docker-entrypoint.d/*; do
        case "$part" in
            *.envsh) [ -x "$part" ] && . "$part" ;;
            *.sh) [ -x "$part" ] && "$part" ;;
        esac
    done
fi
exec "$@"
