#!/usr/bin/env bash
# What is still alive after the time limit: fell beside what people use today. Prints Markdown. Takes about a minute.
#
#   scripts/compare.sh [FELL]        FELL is the binary; if not given: target/release/fell, target/debug/fell, or the one in PATH
#
# Needs setsid and GNU grep. A contestant that is not on this machine is left out, and the table says so; for psutil,
# set PYTHON to an interpreter that has it. Nothing is signalled but the contestants themselves: what survives ends by itself, since
# no victim sleeps for more than 15 seconds.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for fell in "${1-}" "${CARGO_TARGET_DIR-target}/release/fell" "${CARGO_TARGET_DIR-target}/debug/fell" "$(command -v fell)"; do
  [[ -n $fell && -x $fell ]] && break
done
[[ -x $fell ]] || { echo "compare: no fell found; build it with: cargo build --release -p fell-cli" >&2; exit 2; }
python=${PYTHON-python3}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# Under another name: a program called psutil.py would import itself.
recipe=$scratch/recipe.py
cp crates/fell-testkit/src/arena/recipes/psutil.py "$recipe"

# Each has a limit of 1 s, and force 1 s later (psutil's recipe: 2 s).
declare -A contestant
names=()
enter() {
  names+=("$1")
  contestant[$1]=$2
}
absent=()
enter fell "$fell run -q -t 1s -g 1s --"
if command -v timeout >/dev/null; then enter timeout "timeout -k 1 1"; else absent+=(timeout); fi
if "$python" -c 'import psutil' 2>/dev/null; then enter psutil "$python $recipe run 1"; else absent+=(psutil); fi
if command -v tini timeout >/dev/null; then enter "tini + timeout" "tini -s -g -- timeout -k 1 1"; else absent+=(tini); fi
user=()
[[ $(id -u) == 0 ]] || user=(--user --map-root-user)
if unshare "${user[@]}" --pid --fork --kill-child true 2>/dev/null; then
  enter "unshare + timeout" "timeout -k 1 1 unshare ${user[*]} --pid --fork --kill-child"
else
  absent+=(unshare)
fi

# NAME | MODE | SHELL SCRIPT. Modes: limit (it runs into the limit), ends (it ends by itself), crash (the contestant gets KILL),
# grace (whether the child that writes $NOTE on TERM came to do so before KILL).
victims=(
  'two children in the background|limit|sleep 15 & sleep 15 & wait'
  'a child in a session of its own|limit|setsid sleep 15 & sleep 15'
  'a daemon (forked twice, new session)|limit|(setsid sleep 15 &); sleep 15'
  'a child that ignores TERM, a parent that obeys|limit|(trap "" TERM; exec sleep 15) & sleep 15'
  'a daemon that ignores TERM|limit|(trap "" TERM; setsid sleep 15 &); sleep 15'
  'the command ends by itself and leaves a child|ends|sleep 15 & exit 0'
  'the command ends by itself and leaves a daemon|ends|(setsid sleep 15 &); exit 0'
  'the contestant itself gets `kill -9`|crash|sleep 15 & setsid sleep 15 & (setsid sleep 15 &); sleep 15'
  'a child in its own session cleans up on TERM|grace|setsid sh -c "trap \"echo done >\$NOTE; exit\" TERM; sleep 15 & wait" & sleep 15'
)

# How many living processes carry the mark in their environment. A zombie has none.
alive() {
  grep -slzxF "COMPARE_MARK=$1" /proc/[0-9]*/environ | wc -l
}

# Plays one victim against one contestant, and writes the cell.
play() {
  local place=$1 name=$2 mode=$3 victim=$4
  local mark=$$-$place note=$scratch/note-$place
  # The words of a contestant hold no blanks.
  env COMPARE_MARK="$mark" NOTE="$note" ${contestant[$name]} sh -c "$victim" >/dev/null 2>&1 &
  local pid=$! code
  case $mode in
    crash)
      sleep 0.6
      kill -KILL "$pid"
      wait "$pid" 2>/dev/null
      sleep 2
      ;;
    *)
      wait "$pid" 2>/dev/null
      code=$?
      sleep 0.3
      ;;
  esac
  # A contestant that did not come to its limit says nothing about it.
  if [[ $mode == limit || $mode == grace ]] && ((code != 124 && code != 137)); then
    printf 'failed with %s' "$code" >"$scratch/cell-$place"
    return
  fi
  local left
  left=$(alive "$mark")
  if [[ $mode == grace ]]; then
    { [[ -s $note ]] && printf yes || printf no; [[ $left == 0 ]] || printf ', %s alive' "$left"; } >"$scratch/cell-$place"
  elif [[ $left == 0 ]]; then
    printf 'nothing' >"$scratch/cell-$place"
  else
    printf '**%s alive**' "$left" >"$scratch/cell-$place"
  fi
}

printf '| the command, with a limit of 1 s |'
printf ' %s |' "${names[@]}"
printf '\n|---|'
printf -- '---|%.0s' "${names[@]}"
printf '\n'
for row in "${!victims[@]}"; do
  IFS='|' read -r title mode victim <<<"${victims[row]}"
  for column in "${!names[@]}"; do
    play "$row-$column" "${names[column]}" "$mode" "$victim" 2>/dev/null &
  done
  wait
  printf '| %s |' "$title"
  for column in "${!names[@]}"; do
    printf ' %s |' "$(<"$scratch/cell-$row-$column")"
  done
  printf '\n'
done
printf '\nMeasured by `scripts/compare.sh` as %s on Linux %s' "$([[ $(id -u) == 0 ]] && echo root || echo 'an ordinary user')" "$(uname -r | cut -d- -f1)"
printf ': %s' "$("$fell" --version)"
command -v timeout >/dev/null && printf ', %s' "$(timeout --version | head -n 1)"
[[ " ${names[*]} " == *" psutil "* ]] && printf ', psutil %s' "$("$python" -c 'import psutil; print(psutil.__version__)')"
command -v tini >/dev/null && printf ', %s' "$(tini --version | cut -d' ' -f1-3)"
command -v unshare >/dev/null && printf ', %s' "$(unshare --version)"
printf '.\n'
((${#absent[@]})) && printf 'Not on this machine: %s.\n' "${absent[*]}"
exit 0
