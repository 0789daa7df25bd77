#!/bin/sh
# As in the official image: options, and files that are no command, are for node.
set -e
case "$1" in -*) set -- node "$@" ;; esac
command -v "$1" >/dev/null 2>&1 || set -- node "$@"
exec "$@"
