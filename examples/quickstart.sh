#!/usr/bin/env bash
# quickstart.sh ["a prompt"] [--model story|gemma]: shows parley at work. Installs what is missing
# (Debian, Ubuntu), builds the library and an example, starts the example's server, and prints the
# tokens that its client receives.
#   --model story  a small model of fairy tales that comes with the example (the default)
#   --model gemma  Gemma 3 270M run by llama.cpp, 330 MB to fetch
# It builds in build/quickstart of the checkout; a second run takes seconds.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
prompt="Once upon a time" model=story

say() { printf '%s\n' "$*" >&2; }
fail() {
  say "quickstart.sh: $*"
  exit 1
}
usage() {
  sed -n '2,7s/^# //p' "${BASH_SOURCE[0]}"
  exit "$1"
}

while [ $# -gt 0 ]; do
  case $1 in
    --help) usage 0 ;;
    --model) [ $# -ge 2 ] || usage 2 >&2; model=$2; shift ;;
    --model=*) model=${1#*=} ;;
    --*) usage 2 >&2 ;;
    *) prompt=$1 ;;
  esac
  shift
done
case $model in
  story) example=story ;;
  gemma) example=llm ;;
  *) fail "there is no model '$model': use story or gemma" ;;
esac

build=$root/build/quickstart
mkdir -p "$build" || fail "can't write to $build"
build=$(cd "$build" && pwd)

# need_space FOLDER MB: fails if the disk is too full.
need_space() {
  local free
  free=$(df --output=avail -BM "$1" | tail -n 1 | tr -dc 0-9)
  [ "$free" -ge "$2" ] ||
    fail "the disk of $1 has $free MB free, and $2 are needed: make room, then run this again"
}

# step NAME TEXT COMMAND...: runs the command, its output in a log of that name, and shows how it
# gets on.
step() {
  local log=$build/$1.log text=$2 start=$SECONDS shown=$SECONDS line; shift 2
  say "== $text"
  "$@" </dev/null 2>&1 | while IFS= read -r line; do
    printf '%s\n' "$line"
    if [ -t 2 ]; then
      printf '\r\033[K   %.100s' "$line" >&2
    elif [ $((SECONDS - shown)) -ge 10 ]; then
      shown=$SECONDS
      printf '   %.100s\n' "$line" >&2
    fi
  done >"$log" || {
    [ ! -t 2 ] || printf '\r\033[K' >&2
    tail -n 30 "$log" | sed 's/^/   | /' >&2
    fail "$text: failed after $((SECONDS - start)) s, see the log above (all of it: $log)"
  }
  [ ! -t 2 ] || printf '\r\033[K' >&2
  say "   $((SECONDS - start)) s"
}

install_packages() {
  local packages=(
    g++ cmake make pkg-config libgrpc++-dev libprotobuf-dev protobuf-compiler
    protobuf-compiler-grpc libabsl-dev
  )
  local missing=() package as_root=()
  [ "$model" != gemma ] || packages+=(python3-venv)
  if ! command -v apt-get >/dev/null; then
    say "No apt-get here, so nothing is installed; the build needs what Debian calls" \
      "${packages[*]}."
    return
  fi
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "neither root nor sudo here; as root: apt-get install ${missing[*]}"
    sudo -v || fail "sudo refuses; as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  need_space /usr 1000
  step update "apt-get update (needs the network)" "${as_root[@]}" apt-get update
  step install "apt-get install ${missing[*]}" "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
}

build_library() {
  cmake -S "$root" -B "$build/parley" -DCMAKE_BUILD_TYPE=Release -DPARLEY_BUILD_TESTS=OFF &&
    cmake --build "$build/parley" --parallel "$(nproc)" &&
    cmake --install "$build/parley" --prefix "$build/prefix"
}

build_example() {
  cmake -S "$root/examples/$example" -B "$build/$example" -DCMAKE_BUILD_TYPE=Release \
    "-DCMAKE_PREFIX_PATH=$prefixes" &&
    cmake --build "$build/$example" --parallel "$(nproc)"
}

fetch_model() { "$root/examples/llm/fetch_model.sh" >"$build/fetched"; }

install_packages
need_space "$build" 500
prefixes=$build/prefix server_flags=()
if [ "$model" = gemma ]; then
  step fetch "fetching and building what Gemma needs, unless it is there" fetch_model
  { read -r llama && read -r weights; } <"$build/fetched"
  prefixes+=";$llama" server_flags=("--model=$weights")
fi
step library "building parley" build_library
step example "building examples/$example" build_example

# The server ends with this script, however that ends.
programs=$build/$example/$example
exec {server_output}< <(exec "${programs}_server" "${server_flags[@]}" 2>"$build/server.log")
server=$!
stop_server() {
  kill "$server" 2>/dev/null || return 0
  wait "$server" || say "the server exited with $?, see $build/server.log"
}
trap stop_server EXIT
if ! read -r -t 60 -u "$server_output" listening; then
  cat "$build/server.log" >&2
  fail "the server did not start"
fi
address=${listening#listening on }
say "== the server (process $server) listens on $address; its client says:"
"${programs}_client" --address="$address" --prompt="$prompt" || fail "the client failed"
