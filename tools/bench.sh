#!/bin/bash
# Builds what is needed and measures: bench/NAME.mjs, which says what and with which options.
cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh
need_root 'The benchmark'
prepare
name=${1:-bench}
shift
exec node "bench/$name.mjs" "$@"
