#!/usr/bin/env bash
# tests/docs/run.sh WORK_DIR PREFIX [DOCUMENT...]: compiles every code block of the documents (all,
# unless some are named) against the parley installed at PREFIX, runs those that say so, and checks
# the names of files and tests; code_blocks.py and names.py say how. Ends with "N passed, N failed".
set -euo pipefail
[ $# -ge 2 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$(dirname "$0")/code_blocks.py" "$@"
