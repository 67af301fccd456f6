# shellcheck shell=bash disable=SC2154 # matrix.sh, which sources it, has set what it uses
# HAProxy and nginx, with haproxy.cfg and nginx.conf, between parley's client and server: gRPC's
# cases and those of more than a minute, over both wires. The long ones run while the rest of the
# matrix does.

long_cases=(minute_of_messages minute_of_tokens minute_of_silence minute_without_reading
  minute_between_calls)
wires=(plain session)
declare -A proxy_port=() proxy_pid=() proxy_log=() long_pid=()
proxied_pid='' proxied_log=''

# start_proxy NAME CONFIG SERVER_PORT COMMAND...: as start, in a folder of its own; returns once the
# proxy takes connections.
start_proxy() {
  local name=$1 config=$2 server_port=$3 i; shift 3
  # Neither proxy tells which port the system chose, so it has to be chosen before.
  port=$(python3 -c 'import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])')
  sed "s/@PROXY_PORT@/$port/; s/@SERVER_PORT@/$server_port/" "$here/$config" >"$work/$config"
  mkdir -p "$work/$name"
  start "$@"
  for ((i = 0; i < 400; ++i)); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      proxy_port[$name]=$port proxy_pid[$name]=$server_pid proxy_log[$name]=$log
      return 0
    fi
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.05
  done
  report "$name" "starts" 1 "$log"
  stop_server "$name"
}

# proxied_client NAME WIRE: sets `client` to the command that calls through the proxy.
proxied_client() {
  client=("${parley_client[@]}" "--wire=$2" "--server_port=${proxy_port[$1]}")
}

start_proxies() {
  local name wire case_name
  if ! there haproxy && ! there nginx; then return; fi
  start_server "parley server, proxied" "${parley_server[@]}" || return 0
  proxied_pid=$server_pid proxied_log=$log
  local server_port=$port
  if there haproxy; then
    start_proxy haproxy haproxy.cfg "$server_port" haproxy -db -f "$work/haproxy.cfg"
  fi
  if there nginx; then
    # One process, which stays who it is, so that it may write to its folder.
    start_proxy nginx nginx.conf "$server_port" nginx -e stderr -p "$work/nginx" \
      -c "$work/nginx.conf" -g 'daemon off; master_process off; pid nginx.pid; error_log stderr;'
  fi
  for name in "${!proxy_port[@]}"; do
    for wire in "${wires[@]}"; do
      for case_name in "${long_cases[@]}"; do
        proxied_client "$name" "$wire"
        timeout 150 "${client[@]}" "--test_case=$case_name" \
          >"$work/$name-$wire-$case_name.log" 2>&1 &
        long_pid[$name-$wire-$case_name]=$!
      done
    done
  done
}

finish_proxies() {
  local name wire case_name label status
  for name in "${!proxy_port[@]}"; do
    for wire in "${wires[@]}"; do
      label="parley client, $name, parley server, $wire"
      proxied_client "$name" "$wire"
      run_cases "$label" "${cases[*]}" "${client[@]}"
      for case_name in "${long_cases[@]}"; do
        status=0
        wait "${long_pid[$name-$wire-$case_name]}" || status=$?
        unset "long_pid[$name-$wire-$case_name]"
        report "$label" "$case_name" "$status" "$work/$name-$wire-$case_name.log"
      done
    done
  done
  for name in "${!proxy_port[@]}"; do
    server_pid=${proxy_pid[$name]} log=${proxy_log[$name]}
    stop_server "$name"
  done
  [ -n "$proxied_pid" ] || return 0
  server_pid=$proxied_pid log=$proxied_log
  stop_server "parley server, proxied" cleanly
}
