# Counts the checks of a script, tests/*/run.sh, which sources this and sets `work`, where logs go.
passed=0 failed=0

# check NAME COMMAND...: one check, with its output in $work/NAME.log.
check() {
  local name=$1 start=$SECONDS; shift
  "$@" >"$work/$name.log" 2>&1 &  # not `if "$@"`, which would switch off `set -e` inside
  if wait $!; then
    passed=$((passed + 1))
    echo "ok      $name ($((SECONDS - start)) s)"
  else
    failed=$((failed + 1))
    echo "FAILED  $name; end of $work/$name.log:"
    tail -n 40 "$work/$name.log"
  fi
}

# The last line of the script, and its exit status.
summary() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}
