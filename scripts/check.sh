#!/usr/bin/env bash
# Everything that needs no running program. Runs all checks, then names those that failed.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
check() {
  local name=$1
  shift
  echo "== $name"
  "$@" || failed+=("$name")
}

drift() {
  diff -u web-demo/src/protocol.gen.ts <(cargo run --quiet --locked --release --package palco-protocol --example typescript) ||
    { echo "web-demo/src/protocol.gen.ts is not what the Rust types say: make generate" >&2; return 1; }
}

# Long files hide structure; the rest is unfinished work that must not land.
sources() {
  local bad=0 long unfinished
  long=$(git ls-files -z '*.rs' '*.ts' '*.tsx' ':!*.gen.ts' | xargs -0 wc -l | awk '$2 != "total" && $1 > 500')
  [ -z "$long" ] || { echo "over 500 lines:"; echo "$long"; bad=1; } >&2
  unfinished=$(git grep -nE '\b(todo|unimplemented)!\(|#\[ignore|\b(test|it|describe)\.(skip|only|todo)\b' -- '*.rs' '*.ts' '*.tsx' || true)
  [ -z "$unfinished" ] || { echo "unfinished or skipped:"; echo "$unfinished"; bad=1; } >&2
  return "$bad"
}

check "Rust format" cargo fmt --all --check
check "Rust lints" cargo clippy --quiet --locked --release --workspace --all-targets -- -D warnings
check "crate boundaries" scripts/boundaries.sh
check "dependencies: licences, duplicates, sources" scripts/deny.sh licenses bans sources
check "protocol drift" drift
check "web client: types, lints, format" npm --prefix web-demo run --silent check
check "web client: size" npm --prefix web-demo run --silent size
check "browser tests: types, format" npm --prefix tests/e2e run --silent check
check "sources" sources

if [ ${#failed[@]} -gt 0 ]; then
  printf 'check failed: %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "all checks passed"
