#!/usr/bin/env bash
# run.sh BUILD_DIR PARLEY_PREFIX: builds the server, against the parley installed at PARLEY_PREFIX,
# has it serve Magika, which tells a file's type from its bytes, and compares what it says of 150
# files with what Magika's own program says. OpenVINO, the model and the clients come from PyPI, 135
# MB, into BUILD_DIR/venv, 450 MB; what is there already is not fetched again. Ends with "N files, N
# alike, largest batch B".
set -euo pipefail
[ $# -eq 2 ] || { sed -n '2,6s/^# //p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd) prefix=$(cd "$2" && pwd)
python=$build/venv/bin/python
export PYTHONDONTWRITEBYTECODE=1

fail() {
  printf 'run.sh: %s\n' "$*" >&2
  exit 1
}

if ! cmp -s "$here/requirements.txt" "$build/venv/installed" || ! "$python" -c 'import magika'; then
  free_mb=$(df --output=avail -BM "$build" | tail -n 1 | tr -dc 0-9)
  [ "$free_mb" -ge 1000 ] || fail "$build has $free_mb MB free, and 1000 are needed: make room"
  python3 -m venv --clear "$build/venv" ||
    fail "python3 can't make an environment: apt-get install python3-venv"
  "$python" -m pip --disable-pip-version-check install --no-deps --only-binary :all: \
    -r "$here/requirements.txt" ||
    fail "can't fetch requirements.txt from PyPI: check the network, and pip's index and proxy"
  cp "$here/requirements.txt" "$build/venv/installed"
fi
model=$("$python" -c 'import magika; print(magika.Magika()._model_path)')

cmake -S "$here" -B "$build/server" -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$prefix" -DOPENVINO_PYTHON="$python"
cmake --build "$build/server" --parallel "$(nproc)"

# The server ends with this script, however that ends.
exec {server_output}< <(exec "$build/server/onnx_server" "$model" magika)
server=$!
stop_server() {
  kill "$server" 2>/dev/null || return 0
  wait "$server" || fail "the server exited with $?"
}
trap stop_server EXIT
read -r -t 60 -u "$server_output" listening || fail "the server did not start"
"$python" "$here/check.py" "${listening#listening on }"
