#!/usr/bin/env bash
# Fuzzes the targets that are named, or all: FUZZ_S=60 scripts/fuzz.sh [TARGET...], for so many seconds each.
#
# By cargo-fuzz, which knows what an input reached. It asks for unstable flags, which the stable compiler takes from
# whoever says RUSTC_BOOTSTRAP. It builds the whole server once more, with counters: 15 minutes on two cores. Where it
# cannot be had, and with FUZZ_STABLE=1, the seeded mutator of `make test` runs instead. New inputs go to target/fuzz;
# one that failed belongs into tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."

export FUZZ_S=${FUZZ_S:-60}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(stun dtls rtp rtcp offer room signalling http)

version=0.13.2
tools=$PWD/target/tools/cargo-fuzz-$version
export PATH="$tools/bin:$PATH"
# The code is safe Rust: the sanitizer of addresses would only slow it down.
options=(--fuzz-dir tests/fuzz/libfuzzer --target-dir target/fuzz/build --release --sanitizer none)

build() {
  if [ ! -x "$tools/bin/cargo-fuzz" ]; then
    echo "Installing cargo-fuzz $version"
    cargo install cargo-fuzz --quiet --locked --version "$version" --root "$tools" || return
  fi
  RUSTC_BOOTSTRAP=1 cargo fuzz build "${options[@]}"
}

if [ -z "${FUZZ_STABLE-}" ] && ! build; then
  echo "cargo-fuzz does not work here: the seeded mutator goes on instead, which does not see what it reached" >&2
  FUZZ_STABLE=1
fi
for target in "${targets[@]}"; do
  echo "== $target"
  if [ -n "${FUZZ_STABLE-}" ]; then
    cargo test --quiet --release --package palco-fuzz --test targets -- --exact "$target" --nocapture
    continue
  fi
  new=target/fuzz/corpus/$target
  failed=target/fuzz/failed/$target/
  mkdir -p "$new" "$failed"
  kept=("tests/fuzz/corpus/$target")
  if [ "$target" = offer ]; then kept+=(sfu/tests/fixtures); fi
  RUSTC_BOOTSTRAP=1 cargo fuzz run "${options[@]}" "$target" "$new" "${kept[@]}" \
    -- -max_total_time="$FUZZ_S" -max_len=16384 -timeout=30 -rss_limit_mb=4096 -artifact_prefix="$failed" -print_final_stats=1
done
