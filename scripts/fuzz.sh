#!/usr/bin/env bash
# Fuzzes the targets that are named, or all: FUZZ_S=60 scripts/fuzz.sh [TARGET...], for so many seconds each.
#
# By cargo-fuzz, which knows what an input reached. It asks for unstable flags, which the stable compiler takes from
# whoever says RUSTC_BOOTSTRAP. FUZZ_STABLE=1 runs the seeded mutator of `make test` instead. New inputs go to
# target/fuzz; one that failed belongs into tests/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/.."

export FUZZ_S=${FUZZ_S:-60}
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(stun dtls rtp rtcp offer room signalling http)

if [ -n "${FUZZ_STABLE-}" ]; then
  for target in "${targets[@]}"; do
    cargo test --quiet --release --package palco-fuzz --test targets -- --exact "$target" --nocapture
  done
  exit
fi

version=0.13.2
tools=$PWD/target/tools/cargo-fuzz-$version
if [ ! -x "$tools/bin/cargo-fuzz" ]; then
  echo "Installing cargo-fuzz $version"
  cargo install cargo-fuzz --quiet --locked --version "$version" --root "$tools"
fi
export PATH="$tools/bin:$PATH" RUSTC_BOOTSTRAP=1
crate=tests/fuzz/libfuzzer
for target in "${targets[@]}"; do
  echo "== $target"
  new=target/fuzz/corpus/$target
  failed=target/fuzz/failed/$target/
  mkdir -p "$new" "$failed"
  kept=("tests/fuzz/corpus/$target")
  if [ "$target" = offer ]; then kept+=(sfu/tests/fixtures); fi
  # The code is safe Rust: the sanitizer of addresses would only slow it down.
  cargo fuzz run --fuzz-dir "$crate" --target-dir target/fuzz/build --release --sanitizer none "$target" "$new" "${kept[@]}" \
    -- -max_total_time="$FUZZ_S" -max_len=16384 -timeout=30 -rss_limit_mb=4096 -artifact_prefix="$failed" -print_final_stats=1
done
