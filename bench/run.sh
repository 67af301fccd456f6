#!/usr/bin/env bash
# bench/run.sh [--quick] [--json FILE] [--plots] [--build-dir DIR] [ROW...]: installs what is missing (Debian, Ubuntu),
# builds parley and its twins optimised, runs them in turn and prints one table; bench/README.md says how to read it.
#   --quick          smaller samples, fewer pairs, no TCP unless named
#   --json FILE      also writes the figures there
#   --plots          draws the pictures in bench/plots/ in place of the table
#   --build-dir DIR  where to build (default: build/bench); a second run is incremental
#   ROW...           only these rows; a wrong name lists them all
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build_dir=$root/build/bench program=compare.py options=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) options+=(--quick) ;;
    --plots) program=plots.py ;;
    --json|--build-dir)
      [ $# -ge 2 ] || { echo "$1 needs a path" >&2; exit 2; }
      if [ "$1" = --json ]; then options+=(--json "$2"); else build_dir=$2; fi
      shift ;;
    -*) sed -n '2,8s/^# //p' "$0" >&2; exit 2 ;;
    *) options+=("$1") ;;
  esac
  shift
done
mkdir -p "$build_dir"

packages=(
  g++ cmake ninja-build pkg-config python3 libgrpc++-dev libprotobuf-dev protobuf-compiler
  protobuf-compiler-grpc libabsl-dev libcpp-httplib-dev nlohmann-json3-dev
)
if [ $program = plots.py ]; then packages+=(python3-matplotlib); fi

# Elsewhere than on Debian and Ubuntu the build says what it lacks.
install_packages() {
  local missing=() package as_root=() log=$build_dir/packages.log
  command -v apt-get >/dev/null || return 0
  for package in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "Installing ${missing[*]}" >&2
  if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
  { "${as_root[@]}" apt-get update &&
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
      "${missing[@]}"; } >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    echo "That failed; as root: apt-get install ${missing[*]}" >&2
    exit 1
  }
}
install_packages
# The distribution's packages are for the distribution's Python, which need not be the first one.
python=python3
if [ $program = plots.py ] && ! python3 -c 'import matplotlib' 2>/dev/null; then python=/usr/bin/python3; fi
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

log=$build_dir/build.log
echo "Building in $build_dir" >&2
{
  cmake -S "$root" -B "$build_dir" -G Ninja -DCMAKE_BUILD_TYPE=Release -DPARLEY_BUILD_BENCH=ON \
    -DPARLEY_BUILD_TESTS=OFF -DPARLEY_INSTALL=OFF &&
  cmake --build "$build_dir" --target parley_bench
} >"$log" 2>&1 || {
  tail -n 40 "$log" >&2
  echo "The build failed; all of its output is in $log" >&2
  exit 1
}

export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$root/bench/$program" --build "$build_dir/bench" "${options[@]}"
