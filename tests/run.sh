#!/usr/bin/env bash
# tests/run.sh [--quick] [--build-dir DIR]: installs what is missing (Debian, Ubuntu), then builds
# and runs every test.
#   --quick          without the sanitizers and without interoperability with other languages
#   --build-dir DIR  where to build and keep logs (default: build/); a second run is incremental
# The last line is "N passed, N failed", and the exit status is 1 if anything failed. What can't run
# is named and, where the environment has CI=true, is a failure.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build_dir=$root/build quick=false
while [ $# -gt 0 ]; do
  case $1 in
    --quick) quick=true ;;
    --build-dir)
      [ $# -ge 2 ] || { echo "--build-dir needs a folder" >&2; exit 2; }
      build_dir=$2
      shift ;;
    *) sed -n '2,7s/^# //p' "$0" >&2; exit 2 ;;
  esac
  shift
done
mkdir -p "$build_dir/logs"
build_dir=$(cd "$build_dir" && pwd)
logs=$build_dir/logs
passed=0 failed=0 not_run=()
exec 3>&1 </dev/null

export CMAKE_BUILD_PARALLEL_LEVEL=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}
# Most tests wait for something most of the time.
test_jobs=$((CMAKE_BUILD_PARALLEL_LEVEL * 3 / 2))
# One cache serves all clones: paths below the checkout are hashed relative to it.
export CMAKE_CXX_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR=$root CCACHE_NOHASHDIR=1

# gtest's CMake module sets one variable a test; this one is for all.
export LSAN_OPTIONS=suppressions=$root/tests/lsan.supp:print_suppressions=0

# "a|b": b will do where it is installed already. llvm has the symbolizer, without which no
# suppression of a sanitizer's finds its function.
packages=(
  g++ clang clang-format "libclang-rt-dev|libclang-rt-14-dev" llvm
  cmake ninja-build make ccache pkg-config git ca-certificates openssl python3 python3-venv
  libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc libabsl-dev
  libgtest-dev libgmock-dev libbenchmark-dev nlohmann-json3-dev libasio-dev
  haproxy nginx
)

install_packages() {
  local missing=() package names as_root=()
  if ! command -v apt-get >/dev/null; then
    echo "   no apt-get here; the tests need what Debian calls ${packages[*]%|*}"
    return
  fi
  for package in "${packages[@]}"; do
    IFS='|' read -ra names <<<"$package"
    grep -qx installed < <(dpkg-query -W -f '${db:Status-Status}\n' "${names[@]}" 2>/dev/null) ||
      missing+=("${names[0]}")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "== installing ${missing[*]}"
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Neither root nor sudo; as root: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  if ! { "${as_root[@]}" apt-get update &&
         # The tests start haproxy and nginx themselves; their services would listen on port 80.
         "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 apt-get install -y \
           --no-install-recommends "${missing[@]}"; } >"$logs/packages.log" 2>&1; then
    tail -n 20 "$logs/packages.log" >&2
    echo "apt-get failed (log above). Check the network and the disk, then run this again." >&2
    exit 1
  fi
  echo "   $SECONDS s"
}

# finish NAME PASSED FAILED START: adds a stage's figures, and shows the end of its log if anything
# failed.
finish() {
  passed=$((passed + $2)) failed=$((failed + $3))
  echo "   $2 passed, $3 failed, $((SECONDS - $4)) s"
  [ "$3" -gt 0 ] || return 0
  grep -vE '^\[[0-9]+/[0-9]+\] |^ *Start +[0-9]+: |\.\.   Passed ' "$logs/$1.log" |
    tail -n 100 | sed 's/^/   | /'
  echo "   whole log: $logs/$1.log"
}

cannot_run() {
  not_run+=("$1")
  echo "   not run: $1"
  [ "${CI:-}" != true ] || failed=$((failed + 1))
}

# step TEXT COMMAND...: tells on the terminal how long a part of a stage took; the output is for the
# stage's log.
step() {
  local text=$1 start=$SECONDS; shift
  "$@" || return
  echo "   $text, $((SECONDS - start)) s" >&3
}

# preset NAME [WRAPPER...]: configures and builds a CMake preset and runs its tests, ctest by way of
# WRAPPER.
preset() {
  local name=$1 start=$SECONDS log=$logs/$1.log figures='1 1' bad total skipped; shift
  echo "== $name"
  if ! { step configured cmake -S "$root" --preset "$name" -B "$build_dir/$name" &&
         step built cmake --build "$build_dir/$name" -- -k 0; } >"$logs/$name-build.log" 2>&1; then
    finish "$name-build" 0 1 "$start"
    figures='0 0'  # what was built is tested all the same
  fi
  "$@" ctest --test-dir "$build_dir/$name" -j "$test_jobs" --timeout 600 \
    --output-on-failure >"$log" 2>&1 || true
  read -r bad total < <(
    sed -nE 's/^.*tests passed, ([0-9]+) tests failed out of ([0-9]+)$/\1 \2/p' "$log" | tail -n 1 |
      grep . || echo "$figures")
  # A skipped test is a good one to ctest; here it is one that did not run.
  mapfile -t skipped < <(
    sed -nE 's/^[[:space:]]+[0-9]+ - (.*) \((Skipped|Disabled)\)$/\1/p' "$log" | sort -u)
  finish "$name" $((total - bad - ${#skipped[@]})) "$bad" "$start"
  for name in "${skipped[@]}"; do cannot_run "$name"; done
}

# script NAME PATH ARGUMENTS...: a stage that is a script. If it ends with its own "N passed, N
# failed", that counts; what it says is "not run: ..." is told at the end.
script() {
  local name=$1 path=$2 start=$SECONDS log=$logs/$1.log figures status=0 good bad; shift 2
  echo "== $name"
  [ -x "$root/$path" ] || { cannot_run "$path: no such script"; return; }
  timeout 1500 "$root/$path" "$@" >"$log" 2>&1 || status=$?
  figures=$(tail -n 1 "$log" | sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p')
  read -r good bad <<<"${figures:-$((status == 0)) 0}"
  [ "$status" -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  finish "$name" "$good" "$bad" "$start"
  mapfile -t -O ${#not_run[@]} not_run < <(sed -n 's/^ *not run: //p' "$log")
}

# clang-format's output changes between versions; Debian 12's decides.
formatting() {
  local start=$SECONDS status=0
  echo "== formatting"
  if ! clang-format --version | grep -q 'version 14\.'; then
    cannot_run "formatting: needs clang-format 14"
    return
  fi
  (cd "$root" && find include src tests examples bench \( -name '*.h' -o -name '*.cc' \) -print0 |
    xargs -0 clang-format --dry-run -Werror) >"$logs/formatting.log" 2>&1 || status=1
  finish formatting $((1 - status)) $status "$start"
}

install_packages
formatting
preset dev
preset clang
script install tests/install/run.sh "$build_dir/install"
script examples tests/examples/run.sh "$build_dir/examples" "$build_dir/install/prefix-static"
script docs tests/docs/run.sh "$build_dir/docs" "$build_dir/install/prefix-static"
if ! $quick; then
  script interop tests/interop/run.sh "$build_dir/dev"
  preset asan
  # The thread sanitizer needs its shadow where address space randomisation may have put something
  # else.
  if setarch -R true 2>"$logs/setarch.log"; then preset tsan setarch -R; else preset tsan; fi
fi

[ ${#not_run[@]} -eq 0 ] || printf 'Not run: %s\n' "${not_run[@]}"
echo "$((SECONDS / 60)) min $((SECONDS % 60)) s; logs in $logs"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
