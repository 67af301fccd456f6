#!/usr/bin/env bash
# The matrix of run.sh, which calls this: parley's client against servers in other languages, and
# clients in other languages against parley's server, and both through proxies, one line a case.
#   matrix.sh TESTS_BUILD CACHE WORK [WHAT-IS-NOT-THERE...]
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tests=$1 cache=$2 work=$3; shift 3
not_run=("$@")
. "$here/versions.sh"
. "$here/proxies.sh"
python=$cache/grpcio-$grpcio_version/bin/python
grpc_go=$cache/grpc-go-$grpc_go_version
grpcurl=$cache/grpcurl-$grpcurl_version/grpcurl
certificates=$work/certificates

cases=(empty_unary large_unary client_streaming server_streaming ping_pong empty_stream
  custom_metadata status_code_and_message special_status_message unimplemented_method
  unimplemented_service cancel_after_begin cancel_after_first_response timeout_on_sleeping_server)
session_cases=(greeting frames_to_skip single_bytes credit_is_kept credit_is_granted
  message_over_the_limit frames_that_come_late violations drain)
passed=0 failed=0 server_pid='' port='' log='' started=0
running=()  # what has to be ended

# In a network namespace of its own, loopback is down at first.
python3 - <<'PYTHON'
import fcntl, socket, struct
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
ifreq = struct.Struct("16sH22x")
with socket.socket() as s:
    name, flags = ifreq.unpack(fcntl.ioctl(s, SIOCGIFFLAGS, ifreq.pack(b"lo", 0)))
    if not flags & IFF_UP:
        fcntl.ioctl(s, SIOCSIFFLAGS, ifreq.pack(name, flags | IFF_UP))
PYTHON

report() {  # LABEL CASE STATUS LOG
  if [ "$3" -eq 0 ]; then
    passed=$((passed + 1))
    echo "ok    $1: $2"
  else
    failed=$((failed + 1))
    echo "FAIL  $1: $2 (exit status $3)"
    tail -n 20 "$4" | sed 's/^/      /'
  fi
}

# there TOOL...: whether all of these could be set up.
there() {
  local tool missing
  for missing in "${not_run[@]}"; do
    for tool in "$@"; do [ "$tool" != "$missing" ] || return 1; done
  done
}

# start COMMAND...: sets server_pid, and log to where its output goes.
start() {
  started=$((started + 1))
  log=$work/server-$started.log
  : >"$log"
  "$@" >"$log" 2>&1 &
  server_pid=$!
  running+=("$server_pid")
}

# start_server LABEL COMMAND...: as start; sets port to what it says that it listens on.
start_server() {
  local label=$1 i; shift
  start "$@"
  port=''
  for ((i = 0; i < 400; ++i)); do
    port=$(sed -nE 's/.*listening on .*:([0-9]+)$/\1/p;T;q' "$log")
    [ -z "$port" ] || return 0
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.05
  done
  report "$label" "starts" 1 "$log"
  return 1
}

# stop PID: ends what start started, and waits for it; its exit status.
stop() {
  local i
  kill -TERM "$1" 2>/dev/null || true
  for ((i = 0; i < 200; ++i)); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.05
  done
  kill -KILL "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null
}

# stop_server LABEL [CLEANLY]: CLEANLY makes an exit status other than 0 a failure.
stop_server() {
  local status=0 pid left=()
  stop "$server_pid" || status=$?
  for pid in "${running[@]}"; do [ "$pid" = "$server_pid" ] || left+=("$pid"); done
  running=("${left[@]}")
  [ $# -lt 2 ] || report "$1" "stops on SIGTERM" "$status" "$log"
}
trap 'for pid in "${running[@]}" "${long_pid[@]}"; do stop "$pid" || true; done' EXIT

# run_cases LABEL "CASE..." COMMAND...: runs the client once a case.
run_cases() {
  local label=$1 names=$2 name status; shift 2
  for name in $names; do
    status=0
    timeout 60 "$@" "--test_case=$name" >"$work/case.log" 2>&1 || status=$?
    report "$label" "$name" "$status" "$work/case.log"
  done
}

parley_client=("$tests/interop/interop_client" --server_host=127.0.0.1)
parley_server=("$tests/interop/interop_server" --port=0)
go_client=("$grpc_go/client" --server_host=127.0.0.1)
go_server=(env GRPC_GO_LOG_SEVERITY_LEVEL=info "$grpc_go/server" --port=0)
client_tls=(--use_tls=true "--ca_file=$certificates/ca.pem")
server_tls=(--use_tls=true "--tls_cert_file=$certificates/server.pem"
  "--tls_key_file=$certificates/server.key")

start_proxies

if start_server "parley server" "${parley_server[@]}"; then
  run_cases "parley client, parley server" "${cases[*]}" "${parley_client[@]}" "--server_port=$port"
  run_cases "parley client, parley server, session" "${cases[*]}" \
    "${parley_client[@]}" --wire=session "--server_port=$port"
  if there "grpcio $grpcio_version"; then
    run_cases "grpcio client, parley server" "${cases[*]} health_check" \
      "$python" "$here/python_client.py" --server_host=127.0.0.1 "--server_port=$port"
    run_cases "Python session client, parley server" "${cases[*]}" \
      "$python" "$here/python_client.py" --wire=session "--server_port=$port"
  fi
  if there "grpc-go $grpc_go_version"; then
    run_cases "grpc-go client, parley server" "${cases[*]}" "${go_client[@]}" "--server_port=$port"
  fi
  if there "grpcurl $grpcurl_version"; then
    # A command line has no way to cancel its call.
    run_cases "grpcurl, parley server" "$(printf '%s\n' "${cases[@]}" | grep -v '^cancel_')" \
      python3 "$here/grpcurl_client.py" "--grpcurl=$grpcurl" "--server_port=$port"
  fi
  if there "grpcio $grpcio_version"; then
    # The last of them stops the server.
    run_cases "session frames, parley server" "${session_cases[*]}" "$python" \
      "$here/session_cases.py" "--server_port=$port" "--server_pid=$server_pid"
  fi
  stop_server "parley server" cleanly
fi

if there "grpc-go $grpc_go_version" certificates; then
  if start_server "parley server" "${parley_server[@]}" "${server_tls[@]}"; then
    run_cases "grpc-go client, parley server, TLS" "${cases[*]}" \
      "${go_client[@]}" --use_test_ca=true "${client_tls[@]}" "--server_port=$port"
    stop_server "parley server, TLS" cleanly
  fi
  if start_server "grpc-go server" "${go_server[@]}" "${server_tls[@]}"; then
    run_cases "parley client, grpc-go server, TLS" "${cases[*]}" \
      "${parley_client[@]}" "${client_tls[@]}" "--server_port=$port"
    stop_server "grpc-go server"
  fi
fi

if there "grpc-go $grpc_go_version" && start_server "grpc-go server" "${go_server[@]}"; then
  run_cases "parley client, grpc-go server" "${cases[*]}" \
    "${parley_client[@]}" "--server_port=$port"
  stop_server "grpc-go server"
fi

grpcio_server=("$python" "$here/python_server.py" --port=0)
if there "grpcio $grpcio_version" && start_server "grpcio server" "${grpcio_server[@]}"; then
  run_cases "parley client, grpcio server" "${cases[*]}" "${parley_client[@]}" "--server_port=$port"
  stop_server "grpcio server" cleanly
fi

session_server=("$python" "$here/session_server.py" --port=0)
session_client=("${parley_client[@]}" --wire=session)
label="Python session server"
if there "grpcio $grpcio_version" && start_server "$label" "${session_server[@]}"; then
  run_cases "parley client, $label" "${cases[*]}" "${session_client[@]}" "--server_port=$port"
  stop_server "$label" cleanly
fi
label="Python session server that drains"
if there "grpcio $grpcio_version" && start_server "$label" "${session_server[@]}" --drain_after=1
then
  # Those that make two calls: the second needs the next session.
  run_cases "parley client, $label" "custom_metadata status_code_and_message" \
    "${session_client[@]}" "--server_port=$port"
  stop_server "$label" cleanly
fi

# Each starts with models of its own: what one loads or counts is no other's.
kserve_server=("$tests/kserve/kserve_server")
if there "tritonclient $tritonclient_version" &&
    start_server "parley's KServe server" "${kserve_server[@]}"; then
  run_cases "tritonclient, parley's KServe server" "datatypes typed_contents batches request_fields
    errors timeouts cancellation stream stream_decoupled many_threads description statistics
    repository asynchronous" "$cache/tritonclient-$tritonclient_version/bin/python" \
    "$here/kserve_client.py" "--server_port=$port"
  stop_server "parley's KServe server" cleanly
fi
if there "grpcurl $grpcurl_version" "ghz $ghz_version" &&
    start_server "parley's KServe server" "${kserve_server[@]}"; then
  run_cases "grpcurl and ghz, parley's KServe server" "lists_services infers streams
    describes_models checks_health loads" python3 "$here/kserve_tools.py" "--grpcurl=$grpcurl" \
    "--ghz=$cache/ghz-$ghz_version/ghz" "--server_port=$port"
  stop_server "parley's KServe server, tools" cleanly
fi

finish_proxies

for tool in "${not_run[@]}"; do
  echo "not run: $tool"
  [ "${CI:-}" != true ] || failed=$((failed + 1))
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
