#!/usr/bin/env bash
# tests/interop/run.sh [BUILD_DIR]: gRPC's interoperability cases between parley and others' gRPC,
# and through proxies. Takes some 80 s.
#   BUILD_DIR  parley's build (default: build/dev); what the cases need of it is built first
# Fetches the other implementations once, from PyPI and as Go modules, into
# ${XDG_CACHE_HOME:-~/.cache}/parley. The last line is "N passed, N failed", and the exit status is
# 1 if anything failed. What can't run is named and, where CI=true, is a failure.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
[ $# -le 1 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 2; }
build=${1:-$root/build/dev}
. "$here/versions.sh"
. "$here/tools.sh"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export PYTHONDONTWRITEBYTECODE=1
not_run=()

# set_up TOOL COMMAND...: names what can't be set up, shows the end of its log, and goes on.
set_up() {
  local tool=$1 start=$SECONDS; shift
  ( # Not the left side of || or an `if`, which would switch off `set -e` inside.
    set -e
    "$@"
  ) >"$work/set_up.log" 2>&1 &
  if wait $!; then
    echo "   $tool, $((SECONDS - start)) s"
  else
    not_run+=("$tool")
    tail -n 20 "$work/set_up.log" | sed 's/^/   | /'
    echo "   $tool could not be set up, see above"
  fi
}

build_parley() {
  [ -f "$build/CMakeCache.txt" ] || (cd "$root" && cmake --preset dev -B "$build")
  nice cmake --build "$build" --target interop_server interop_client kserve_server
}

echo "== setting up"
set_up "parley's interop server and client" build_parley
if [ ${#not_run[@]} -gt 0 ]; then
  echo "not run: anything, for want of parley itself"
  echo "0 passed, 1 failed"
  exit 1
fi
mkdir -p "$cache"
# Two runs must not install into the same cache at the same time.
exec 9>"$cache/lock"
if ! flock -w 900 9; then
  echo "another run has held $cache/lock for 15 minutes; end it and run this again" >&2
  exit 1
fi
set_up "certificates" "$root/tests/security/certificates.sh" "$work/certificates"
set_up "grpcio $grpcio_version" set_up_python "$work/python"
set_up "grpc-go $grpc_go_version" set_up_go "grpc-go-$grpc_go_version" \
  google.golang.org/grpc "$grpc_go_version" interop/client interop/server
set_up "grpcurl $grpcurl_version" set_up_go "grpcurl-$grpcurl_version" \
  github.com/fullstorydev/grpcurl "$grpcurl_version" cmd/grpcurl
set_up "ghz $ghz_version" set_up_go "ghz-$ghz_version" \
  github.com/bojand/ghz "$ghz_version" cmd/ghz
set_up "tritonclient $tritonclient_version" set_up_tritonclient
flock -u 9
# Debian has them in /usr/sbin, which not everyone's PATH has.
PATH=$PATH:/usr/sbin
set_up "haproxy" find_program haproxy
set_up "nginx" find_program nginx

# grpc-go's server listens on every address there is; it gets a network with only loopback.
alone=()
for namespace in "unshare --net" "unshare --user --map-root-user --net"; do
  read -ra alone <<<"$namespace"
  if "${alone[@]}" true 2>/dev/null; then break; fi
  alone=()
done
if [ ${#alone[@]} -eq 0 ]; then
  echo "   no network namespaces here: grpc-go's server will listen beyond loopback for a moment"
fi

export PYTHONPATH=$work/python
# Without the lock, so that nothing it starts can hold it.
"${alone[@]}" "$here/matrix.sh" "$build/tests" "$cache" "$work" "${not_run[@]}" 9>&-
