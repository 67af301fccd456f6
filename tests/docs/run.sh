#!/usr/bin/env bash
# tests/docs/run.sh WORK_DIR PREFIX: compiles every code block of the documents against the parley
# installed at PREFIX; code_blocks.py says how. Ends with "N passed, N failed".
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,3s/^# //p' "$0" >&2; exit 2; }
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$(dirname "$0")/code_blocks.py" "$1" "$2"
