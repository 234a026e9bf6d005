# Runs one function of tests.sh; the first command that fails ends it.
. /tests.sh
set -e
"$1"
