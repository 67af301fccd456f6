#!/usr/bin/env bash
# must_not_compile.sh COMPILER FLAGS... CASE.cc: the check of one case, run by ctest; CMakeLists.txt
# says what a case is.
set -uo pipefail
case=${!#}

mapfile -t expected < <(sed -n 's|^// expect: ||p' "$case")
if [ ${#expected[@]} -eq 0 ]; then
  echo "$case has no line '// expect: <text>'; add the diagnostic that a user must see"
  exit 1
fi
if ! output=$("$@" -DPARLEY_COMPILES 2>&1); then
  printf '%s\nThe correct variant (-DPARLEY_COMPILES) does not compile either.\n' "$output"
  exit 1
fi
if output=$("$@" 2>&1); then
  echo "It compiles, and must not."
  exit 1
fi
for text in "${expected[@]}"; do
  if ! grep -qF -- "$text" <<<"$output"; then
    printf '%s\nRefused, but the diagnostics lack: %s\n' "$output" "$text"
    exit 1
  fi
done
