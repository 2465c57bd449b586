#!/bin/bash
# What takes too long for every change: planted faults, the slow tests, the coverage of the intervals. Run it in an
# environment with the tests' packages, each night or before a release: `. .tox/tests/bin/activate && scripts/nightly.sh`.
# The last output of each part is kept in results/nightly/<part>.txt, which names its commit; commit it. The exit code is
# 1 when a part failed.
set -uo pipefail
cd "$(dirname "$0")/.."

kept=results/nightly
mkdir -p "$kept"
python=$(python -c "import sys; print(sys.prefix)")
commit=$(git describe --always --dirty --abbrev=12)
failed=()

# The end of the output, without colours and without the folders of this machine.
clean() {
  sed -e 's/\x1b\[[0-9;]*m//g' -e "s#$python/#<python>/#g" -e "s#$PWD/##g" -e "s#${TMPDIR:-/tmp}/[^ :'\"]*#<temporary>#g" \
    | tail -n 300
}

part() { # name, command ...
  local name=$1 output status
  shift
  output=$(mktemp)
  echo "== $name: $*"
  "$@" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  [ "$status" -eq 0 ] || failed+=("$name")
  {
    echo "commit $commit, $(date -u +%F): '$*' ended with exit code $status after $SECONDS s of the whole"
    clean < "$output"
  } > "$kept/$name.txt"
  rm -f "$output"
}

part mutants python scripts/mutants.py
part slow python -m pytest -q -n "${JOBS:-2}" --dist loadfile --no-loadscope-reorder --disable-warnings -m "slow and not gpu and not network"
part coverage python -m scripts.coverage

if [ "${#failed[@]}" -gt 0 ]; then
  echo "failed: ${failed[*]}; see $kept"
  exit 1
fi
echo "all parts passed; their output is in $kept"
