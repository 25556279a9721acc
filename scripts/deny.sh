#!/usr/bin/env bash
# cargo-deny with deny.toml: scripts/deny.sh CHECK... (licenses bans sources advisories)
#
# Built on first use, by version, into target/tools: some minutes, once for a checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
tools=$PWD/target/tools/cargo-deny-$version
if [ ! -x "$tools/bin/cargo-deny" ]; then
  echo "Building cargo-deny $version (once)"
  # Unoptimised: it runs for seconds, and builds in half the time.
  CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 cargo install --quiet --locked --debug cargo-deny --version "$version" \
    --root "$tools" --target-dir target/tools/build
  rm -rf target/tools/build
fi

# The sources of all platforms' crates are looked at: fetched if they are not there.
"$tools/bin/cargo-deny" --locked --workspace check --hide-inclusion-graph --allow unused-wrapper "$@"
