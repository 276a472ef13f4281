#!/bin/sh
# kubectl in tests: records each call in `calls`, as its process id and arguments, and its standard input in stdin.ID. It
# does what the last of rules/* says whose `args` are among its arguments.
folder=${0%/*}
sleeper=
trap '
  [ -z "$sleeper" ] || kill "$sleeper"
  printf "%s\n" "$$ interrupted $*" >>"$folder/calls"
  exit 130
' INT
cat >"$folder/stdin.$$"
printf '%s\n' "$$ $*" >>"$folder/calls"
answer=
for rule in "$folder"/rules/*; do
  args=$(cat "$rule/args")
  case "$*" in *"$args"*) answer=$rule ;; esac
done
[ -n "$answer" ] || exit 0
cat "$answer/stdout"
cat "$answer/stderr" >&2
if [ -e "$answer/hang" ]; then
  # it ends all the same when nobody interrupts it
  sleep 60 >/dev/null 2>&1 &
  sleeper=$!
  wait
fi
exit "$(cat "$answer/code")"
