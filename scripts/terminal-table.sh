#!/bin/bash
# terminal-table.sh [--only fell] FELL
#
# Drives a real terminal (tmux) through interactive cases below `timeout`, `timeout --foreground` and `fell run`, each
# started by a script, as a CI step or a Makefile would; prints what was seen as a Markdown table. TIMEOUT names another
# `timeout` than the one in PATH. Exit code 1: something failed below `fell run`.
set -u
only=
[ "${1-}" = --only ] && { only=$2; shift 2; }
fell=$(readlink -f "${1:?the fell to try}")
timeout=$(command -v "${TIMEOUT:-timeout}")
command -v tmux >/dev/null || { echo "terminal-table.sh: tmux is not installed" >&2; exit 77; }
vi=$(command -v vim || command -v vi) || { echo "terminal-table.sh: no vim or vi" >&2; exit 77; }

dir=$(mktemp -d)
tm() { env -u TMUX tmux -L "fell-$$" -f /dev/null "$@"; }
trap 'tm kill-server 2>/dev/null; rm -rf "$dir"' EXIT
seq -f 'line %g of many' 500 > "$dir/long"

screen() { tm capture-pane -p -J -t t -S -200; }
keys() { tm send-keys -t t "$@"; }
# Waits until the screen shows a pattern, at most 8 seconds; one that starts with ! must be absent all of a moment.
sees() {
  local end=$((SECONDS + 8))
  until screen | grep -qE -- "$1"; do [ $SECONDS -lt $end ] || return 1; sleep .05; done
}
lacks() { sleep .3; ! screen | grep -qE -- "$1"; }
# The prompt of the outer shell, on the last line that is not empty.
prompt() {
  local end=$((SECONDS + 8))
  until screen | grep -v '^ *$' | tail -n 1 | grep -q '^OUTER> *$'; do [ $SECONDS -lt $end ] || return 1; sleep .05; done
}

# begin RUNNER COMMAND: a fresh terminal with a shell in it, which runs a script, which runs the command.
begin() {
  tm kill-server 2>/dev/null
  rm -f "$dir/end"
  printf '#!/bin/bash\n%s %s\necho "END:$?" | tee %s/end\n' "$1" "$2" "$dir" > "$dir/step.sh"
  tm new-session -d -s t -x 90 -y 25 "env PS1='OUTER> ' TERM=screen INPUTRC=/dev/null bash --norc --noprofile -i"
  prompt || return 1
  keys -l "bash $dir/step.sh"; keys Enter
}
ended() { prompt && [ -s "$dir/end" ]; }

vim_case() {
  rm -f "$dir/written"
  begin "$1" "$vi -u NONE -N -n -i NONE $dir/written" && sees '^~' && keys i && keys -l 'hello' && sees '^hello' &&
    keys Escape && keys -l ':wq' && keys Enter && ended && grep -q '^hello$' "$dir/written"
}
less_case() {
  begin "$1" "less $dir/long" && sees '^line 1 of' && keys G && sees '^line 500 of' && keys -l q && ended
}
password_case() {
  begin "$1" "bash -c 'read -rsp Password: it; echo; echo \"got <\$it>\"'" && sees 'Password:' && keys -l 'open' &&
    lacks 'open' && keys Enter && sees 'got <open>' && ended
}
interrupt_case() {
  begin "$1" "bash -c 'trap \"echo CAUGHT; exit 9\" INT; echo BEGUN; while :; do sleep .1; done'" && sees '^BEGUN' &&
    keys C-c && sees 'CAUGHT' && prompt
}
suspend_case() {
  begin "$1" "bash -c 'echo BEGUN; for i in \$(seq 25); do sleep .1; done; echo FINISHED'" && sees '^BEGUN' &&
    keys C-z && sees 'Stopped' && prompt && sleep 3 && ! screen | grep -q '^FINISHED' && keys -l fg && keys Enter &&
    sees '^FINISHED' && ended
}
nested_case() {
  begin "$1" "env PS1='INNER: ' bash --norc --noprofile -i" && sees '^INNER:' && keys -l 'echo it-is-$((40+2))' &&
    keys Enter && sees '^it-is-42' && ! screen | grep -q 'no job control' && keys -l 'sleep 60' && keys Enter &&
    sleep .3 && keys C-z && sees 'Stopped' && keys -l 'kill -9 %1; wait' && keys Enter && keys -l exit && keys Enter && ended
}
resize_case() {
  begin "$1" "bash -c 'trap \"stty size\" WINCH; echo BEGUN; for i in \$(seq 60); do sleep .1; done'" &&
    sees '^BEGUN' && tm resize-window -t t -x 71 -y 21 && sees '21 71'
}
limit_case() {
  rm -f "$dir/detached"
  begin "$2" "bash -c 'setsid sh -c \"echo \\\$\\\$ >$dir/detached; exec sleep 60\" & exec $vi -u NONE -N -n -i NONE $dir/unwritten'" &&
    sees '^~' && ended && keys -l 'echo sane-$((1+1))' && keys Enter && sees '^sane-2' &&
    [ -s "$dir/detached" ] && ! kill -0 "$(cat "$dir/detached")" 2>/dev/null
  local seen=$?
  [ -s "$dir/detached" ] && kill -9 "$(cat "$dir/detached")" 2>/dev/null
  return $seen
}

long=("$timeout 60" "$timeout --foreground 60" "$fell run -t 60s --")
short=("$timeout -k 1 2" "$timeout --foreground -k 1 2" "$fell run -t 2s --")
rc=0
printf '| case | `timeout` | `timeout --foreground` | `fell run` |\n|---|---|---|---|\n'
while IFS='|' read -r name function; do
  row="| $name |"
  for i in 0 1 2; do
    if [ "$only" = fell ] && [ $i != 2 ]; then row+=' |'; continue; fi
    if "$function" "${long[i]}" "${short[i]}" >/dev/null 2>&1; then row+=' works |'; else
      row+=' **fails** |'
      [ $i = 2 ] && { rc=1; { echo "--- $name below fell run"; screen; } >&2; }
    fi
  done
  echo "$row"
done <<'CASES'
edit and save in vim|vim_case
page to the end in less, and quit|less_case
type a password without an echo|password_case
Ctrl-C reaches the command|interrupt_case
Ctrl-Z stops it, `fg` goes on|suspend_case
an interactive bash with job control|nested_case
a change of the window's size is noticed|resize_case
at the limit: all gone, detached processes too, and the terminal is sane|limit_case
CASES
exit $rc
