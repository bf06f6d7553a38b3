# Stands in for the framework that the tests of coreutils source as init.sh: the functions that tests/timeout uses.
fail=0
ME_=$(basename "$0")
test_dir_=$(mktemp -d "${TMPDIR:-/tmp}/coreutils-XXXXXX") || exit 99
cleanup_() { :; }
remove_tmp_() {
  __st=$?
  cleanup_
  cd /
  rm -rf "$test_dir_"
  exit $__st
}
trap remove_tmp_ 0
trap 'Exit 129' 1
trap 'Exit 130' 2
trap 'Exit 141' 13
trap 'Exit 143' 15

Exit() { exit "$1"; }
warn_() { printf '%s\n' "$*" >&2; }
fail_() { warn_ "$ME_: failed: $*"; Exit 1; }
skip_() { warn_ "$ME_: skipped: $*"; Exit 77; }
framework_failure_() { warn_ "$ME_: set-up failed: $*"; Exit 99; }
path_prepend_() { :; }
print_ver_() {
  for program_ in "$@"; do command -v "$program_" >/dev/null || skip_ "no $program_"; done
}
returns_() {
  (
    set +x
    wanted_=$1
    shift
    "$@"
    status_=$?
    [ $status_ = "$wanted_" ] || warn_ "$* ended with $status_, not $wanted_"
    [ $status_ = "$wanted_" ]
  )
}
compare() { diff -u "$1" "$2"; }
require_trap_signame_() { (trap '' CHLD) || skip_ 'trap knows no names of signals'; }
require_kill_group_() { kill -0 -- -1 || skip_ 'kill reaches no groups'; }
# The limits of a 64-bit machine, as getlimits prints them.
getlimits_() {
  INT_MAX=2147483647
  UINT_MAX=4294967295
  UINT_OFLOW=4294967296
  TIME_T_MAX=9223372036854775807
  TIME_T_OFLOW=9223372036854775808
  LDBL_MAX=1.18973149535723176502e+4932
}
# retry_delay_ TEST DELAY TIMES [ARGUMENT...]: with a delay that doubles, until TEST succeeds.
retry_delay_() {
  test_func_=$1 delay_=$2 times_=$3
  shift 3
  while [ "$times_" -gt 0 ]; do
    "$test_func_" "$delay_" "$@" && return 0
    delay_=$(awk -v delay="$delay_" 'BEGIN { print delay * 2 }')
    times_=$((times_ - 1))
  done
  return 1
}
: "${AWK:=awk}" "${SHELL:=/bin/sh}"
export AWK SHELL
cd "$test_dir_" || exit 99
