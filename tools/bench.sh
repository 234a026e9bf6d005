#!/bin/bash
# Builds what is needed and measures the runtime; see bench/bench.mjs for the options.
cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh
need_root 'The benchmark'
prepare
exec node bench/bench.mjs "$@"
