#!/usr/bin/env bash
# Runs every test and sums their own counts: the last line is `N passed, N failed`.
#
# A part that ends badly without having counted a failure (it did not compile, it hung, it counted
# nothing) counts as one: no part can drop out unseen.
set -euo pipefail
cd "$(dirname "$0")/.."

logs=target/test-logs
rm -rf "$logs"
mkdir -p "$logs"
total_passed=0
total_failed=0

# part NAME COUNTS COMMAND...: COUNTS prints "passed failed" from what the command left in its log.
part() {
  local name=$1 counts=$2 status=0 passed failed
  local log="$logs/$name.log"
  shift 2
  echo "== $name"
  "$@" </dev/null 2>&1 | tee "$log" || status=$?
  read -r passed failed < <("$counts" "$log" || true) || true
  passed=${passed:-0} failed=${failed:-0}
  if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then failed=1; fi
  echo "$name: $passed passed, $failed failed"
  total_passed=$((total_passed + passed))
  total_failed=$((total_failed + failed))
}

# The deadline is for a test that hangs: it includes compiling on two cores.
rust() { timeout --kill-after=10s 25m cargo test --quiet --locked --release --workspace --no-fail-fast; }
# test result: ok. 12 passed; 0 failed; 0 ignored; ...
count_rust() { awk '/^test result: / { p += $4; f += $6 } END { print p + 0, f + 0 }' "$1"; }

typescript() {
  (cd web-demo && npx --no-install vitest run --reporter=default --reporter=json --outputFile.json="../$logs/vitest.json")
}
count_typescript() {
  node -p 'const r = JSON.parse(fs.readFileSync(process.argv[1])); `${r.numPassedTests} ${r.numFailedTests}`' "$logs/vitest.json" 2>/dev/null
}

browsers() { E2E_TAP="$PWD/$logs/browsers.tap" tests/e2e/run; }
# The closing lines of TAP: "# pass 12", "# fail 0", "# cancelled 0".
count_browsers() {
  awk '/^# pass / { p = $3 } /^# (fail|cancelled) / { f += $3 } END { print p + 0, f + 0 }' "$logs/browsers.tap"
}

schemathesis() { scripts/schemathesis.sh "$logs/schemathesis.xml"; }
# A test case for each operation and phase.
count_schemathesis() {
  python3 - "$logs/schemathesis.xml" <<'EOF'
import sys, xml.etree.ElementTree as tree
cases = tree.parse(sys.argv[1]).getroot().iter("testcase")
failed = [case.find("failure") is not None or case.find("error") is not None for case in cases if case.find("skipped") is None]
print(failed.count(False), failed.count(True))
EOF
}

# Without these no part could run.
if ! make --no-print-directory prepare-tests; then
  echo "could not build what the tests need"
  echo "0 passed, 1 failed"
  exit 1
fi

part rust count_rust rust
part typescript count_typescript typescript
part schemathesis count_schemathesis schemathesis
part browsers count_browsers browsers

echo "$total_passed passed, $total_failed failed"
[ "$total_failed" -eq 0 ]
