#!/usr/bin/env bash
# tests/install/run.sh [WORK_DIR]: installs parley static and shared, builds a consumer project in
# every way that a user may, out of tree, and runs each program. Ends with "N passed, N failed".
# Needs no network.
set -euo pipefail
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
here=$source_dir/tests/install
mkdir -p "${1:-$source_dir/build/install}"
work=$(cd "${1:-$source_dir/build/install}" && pwd)
version=$(sed -n 's/^project(parley VERSION \([0-9.]*\).*/\1/p' "$source_dir/CMakeLists.txt")
export CMAKE_GENERATOR=Ninja
source "$source_dir/tests/check.sh"

# build NAME SOURCE CMAKE_FLAGS...: a fresh configuration in $work/NAME, and its build.
build() {
  local name=$1 source=$2; shift 2
  rm -rf "${work:?}/$name"
  cmake -S "$source" -B "$work/$name" "$@"
  cmake --build "$work/$name"
}

# run NAME: the program of consumer NAME says what it should.
run() {
  local output
  output=$(timeout 60 "$work/$1/consumer" </dev/null)
  echo "$output"
  grep -qE "^hello from parley $version \(gRPC [0-9.]+.*\)$" <<<"$output"
}

# Configures, builds and installs; the notice about gRPC's vulnerabilities must be there for an old
# gRPC only.
install_parley() {
  build "parley-$1" "$source_dir" -DBUILD_SHARED_LIBS="$2" -DPARLEY_BUILD_TESTS=OFF \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_INSTALL_PREFIX="$work/prefix-$1" -DCMAKE_INSTALL_LIBDIR=lib
  rm -rf "$work/prefix-$1"
  cmake --install "$work/parley-$1"
}

notice() {
  local grpc wanted=0 found=0
  grpc=$(pkg-config --modversion grpc++)
  [ "$(printf '%s\n1.66\n' "$grpc" | sort -V | tail -n 1)" = "$grpc" ] || wanted=1
  found=$(grep -c 'gRPC .* has known vulnerabilities.*CVE-2023-44487' "$work/parley-static.log") ||
    true
  echo "gRPC $grpc: notices wanted $wanted, found $found"
  [ "$found" -eq "$wanted" ]
}

find_package() {
  build "find_package-$1" "$here/find_package" -DCMAKE_PREFIX_PATH="$work/prefix-$1"
  run "find_package-$1"
}

# Where gRPC comes without CMake files, its pkg-config file serves.
grpc_by_pkg_config() {
  build grpc_by_pkg_config "$here/find_package" -DCMAKE_PREFIX_PATH="$work/prefix-static" \
    -DCMAKE_DISABLE_FIND_PACKAGE_gRPC=ON
  run grpc_by_pkg_config
}

# A protobuf with a CMake config is found by it; the find module is not even asked.
protobuf_with_config() {
  build protobuf_with_config "$here/find_package" -DCMAKE_PREFIX_PATH="$work/prefix-static" \
    -DProtobuf_DIR="$here/protobuf_with_config"
  if grep '^Protobuf_INCLUDE_DIR:' "$work/protobuf_with_config/CMakeCache.txt"; then return 1; fi
  run protobuf_with_config
}

# refused TEXT CMAKE_FLAGS...: configuring the find_package consumer fails, saying TEXT.
refused() {
  local text=$1 output; shift
  rm -rf "$work/refused"
  if output=$(cmake -S "$here/find_package" -B "$work/refused" "$@" 2>&1); then
    echo "configured, and must not"; return 1
  fi
  tr -s ' \n' ' ' <<<"$output" | tee /dev/stderr | grep -qF -- "$text"
}

missing_dependency() {
  refused "parley needs gRPC::grpc++, which CMake can't find. On Debian and Ubuntu: apt-get install" \
    -DCMAKE_PREFIX_PATH="$work/prefix-static" -DCMAKE_DISABLE_FIND_PACKAGE_gRPC=ON \
    -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON
}

# Everything lands below DESTDIR, nothing installed knows where it was built, and the staged tree
# works where it lies.
destdir() {
  local stage=$work/stage prefix=/opt/parley
  rm -rf "$stage"
  DESTDIR=$stage cmake --install "$work/parley-static" --prefix "$prefix"
  if [ -e "$prefix" ]; then
    echo "$prefix exists: installed past DESTDIR, or left from elsewhere; remove it"
    return 1
  fi
  [ "$(ls "$stage")" = opt ] && [ "$(ls "$stage/opt")" = parley ]
  if grep -rIlF -e "$work" -e "$source_dir" "$stage"; then
    echo "the files above name build or source folders"; return 1
  fi
  build find_package-staged "$here/find_package" -DCMAKE_PREFIX_PATH="$stage$prefix"
  run find_package-staged
}

add_subdirectory() {
  build add_subdirectory "$here/add_subdirectory" -DPARLEY_DIR="$source_dir" \
    -DCMAKE_BUILD_TYPE=Release
  run add_subdirectory
}

fetch_content() {
  build fetch_content "$here/fetch_content" -DFETCHCONTENT_SOURCE_DIR_PARLEY="$source_dir" \
    -DCMAKE_BUILD_TYPE=Release
  run fetch_content
}

pkg_config() {
  local name=pkg_config-$1 flags=
  [ "$1" = shared ] || flags=--static
  rm -rf "${work:?}/$name" && mkdir "$work/$name"
  PKG_CONFIG_PATH=$work/prefix-$1/lib/pkgconfig make -f "$here/pkg_config/Makefile" \
    OUT="$work/$name" PKG_CONFIG="pkg-config $flags" LDFLAGS="-Wl,-rpath,$work/prefix-$1/lib"
  run "$name"
}

exporting() {
  local prefix=$work/prefix-greeter-$1
  rm -rf "$prefix"
  build "greeter-$1" "$here/exporting/greeter" -DCMAKE_PREFIX_PATH="$work/prefix-$1" \
    -DCMAKE_INSTALL_PREFIX="$prefix"
  cmake --install "$work/greeter-$1"
  build "exporting-$1" "$here/exporting/app" "-DCMAKE_PREFIX_PATH=$prefix;$work/prefix-$1"
  run "exporting-$1"
}

# A shared parley exports its own names and those of templates only, so that it clashes with
# nobody's.
exports() {
  local strangers
  strangers=$(nm -DC --defined-only "$work/prefix-shared/lib/libparley.so" | awk '$2 == "T"' |
    grep -vE ' parley::') || true
  echo "$strangers"
  [ -z "$strangers" ]
}

check parley-static install_parley static OFF
check parley-shared install_parley shared ON
check notice notice
check exports exports
for linkage in static shared; do
  check "find_package-$linkage" find_package $linkage
  check "pkg_config-$linkage" pkg_config $linkage
  check "exporting-$linkage" exporting $linkage
done
check grpc_by_pkg_config grpc_by_pkg_config
check protobuf_with_config protobuf_with_config
check missing_dependency missing_dependency
check destdir destdir
check add_subdirectory add_subdirectory
check fetch_content fetch_content
summary
