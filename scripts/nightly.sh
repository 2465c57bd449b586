#!/bin/bash
# What is too long for every change: planted faults, the slow tests, the coverage simulation. Run it each night, or before a
# release, in the environment of the tests: `. .tox/tests/bin/activate && scripts/nightly.sh`. The last output of each part
# is kept in results/nightly/ with the commit that it is of; the exit code is 0 when all parts passed.
set -uo pipefail
cd "$(dirname "$0")/.."

kept=results/nightly
mkdir -p "$kept"
failed=()

part() { # name, command ...
  local name=$1 log status
  shift
  log=$(mktemp)
  echo "== $name: $*"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  [ "$status" -eq 0 ] || failed+=("$name")
  {
    echo "$(git describe --always --dirty --abbrev=12), $(date -u +%F): $* ended with exit code $status"
    # Neither colours nor paths of this machine; of a long output the end.
    sed -e 's/\x1b\[[0-9;]*m//g' -e "s#$PWD/##g" -e "s#${TMPDIR:-/tmp}/[^ :]*#(a temporary folder)#g" "$log" | tail -n 200
  } > "$kept/$name.txt"
  rm -f "$log"
}

part mutants python scripts/mutants.py
part slow python -m pytest -q -n "${JOBS:-2}" --dist loadfile -m "slow and not gpu and not network"
if [ -f scripts/coverage.py ]; then
  part coverage python scripts/coverage.py
fi

if [ "${#failed[@]}" -gt 0 ]; then
  echo "failed: ${failed[*]}; see $kept"
  exit 1
fi
echo "all parts passed; their output is in $kept"
