#!/usr/bin/env bash
# bench/run.sh [--quick] [--json FILE] [--build-dir DIR] [ROW...]: builds parley and its raw gRPC twins optimised, runs
# them in turn and prints one table; bench/README.md says how to read it.
#   --quick          smaller samples, fewer pairs
#   --json FILE      also writes the figures there
#   --build-dir DIR  where to build (default: build/bench); a second run is incremental
#   ROW...           only these rows; a wrong name lists them all
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build_dir=$root/build/bench options=()
while [ $# -gt 0 ]; do
  case $1 in
    --quick) options+=(--quick) ;;
    --json|--build-dir)
      [ $# -ge 2 ] || { echo "$1 needs a path" >&2; exit 2; }
      if [ "$1" = --json ]; then options+=(--json "$2"); else build_dir=$2; fi
      shift ;;
    -*) sed -n '2,7s/^# //p' "$0" >&2; exit 2 ;;
    *) options+=("$1") ;;
  esac
  shift
done

for tool in cmake ninja python3 c++; do
  command -v "$tool" >/dev/null || {
    echo "$tool is missing; on Debian and Ubuntu: apt-get install g++ cmake ninja-build python3" >&2
    exit 1
  }
done
if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi

mkdir -p "$build_dir"
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
exec python3 "$root/bench/compare.py" --build "$build_dir/bench" "${options[@]}"
