#!/bin/sh
# What mpirun starts on each further machine.
root=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
. "$root/libexec/environment"
export SAESWEEP_BUNDLE="$root"
exec "$root/openmpi/libexec/orted" "$@"
