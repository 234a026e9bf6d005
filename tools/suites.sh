#!/bin/bash
# Builds what is needed and runs the test suites of other runtimes with ours. Arguments: words of the names of tests.
cd "$(dirname "$0")/.." || exit 1
. tools/setup.sh
need_root 'The suites'
prepare
exec node tests/suites/crun.mjs "$@"
