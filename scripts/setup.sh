#!/usr/bin/env bash
# Installs the system packages that are missing: scripts/setup.sh build | test | gallery
#
# Looks for commands, not packages: what was installed by other means counts. Quiet when all is there.
set -euo pipefail

# The commands needed and the Debian packages that bring them.
# cc: the linker, aws-lc (cryptography) and libopus are C; cmake and make: libopus builds with them.
declare -A build=([cc]="gcc libc6-dev" [cmake]="cmake" [make]="make")
# chromium's text needs a font; pulseaudio: Firefox's AudioContext stands still without a sound device.
declare -A test=([chromium]="chromium fonts-liberation" [firefox-esr]="firefox-esr"
  [pulseaudio]="pulseaudio" [ip]="iproute2" [unshare]="util-linux" [initdb]="postgresql"
  [nginx]="nginx-light" [caddy]="caddy" [systemd-analyze]="systemd" [python3]="python3 python3-venv" [curl]="curl"
  [faketime]="faketime" [prlimit]="util-linux")

# Its fonts are asked for below.
declare -A gallery=([fc-list]="fontconfig")

case "${1-}" in
  build) declare -n wanted=build ;;
  test) declare -n wanted=test ;;
  gallery) declare -n wanted=gallery ;;
  *) echo "usage: scripts/setup.sh build | test | gallery" >&2; exit 2 ;;
esac

fail() { printf '%s\n' "$@" >&2; exit 1; }

# Not from Debian: its Rust and Node are too old.
command -v cargo >/dev/null || fail "Rust is missing: install it from https://rustup.rs"
node_version=$(node --version 2>/dev/null) || fail "Node.js is missing: 20.19 or newer is needed, with npm"
command -v npm >/dev/null || fail "npm is missing: it comes with Node.js"
printf 'v20.19.0\n%s\n' "$node_version" | sort --version-sort --check=quiet ||
  fail "Node.js $node_version is too old: 20.19 or newer is needed"

packages=()
more=()
for command in "${!wanted[@]}"; do
  # Debian keeps some administrators' commands, and PostgreSQL's, out of other people's PATH.
  PATH="$PATH:/usr/sbin:/sbin:$(printf '%s:' /usr/lib/postgresql/*/bin)" command -v "$command" >/dev/null || read -ra more <<<"${wanted[$command]}"
  packages+=("${more[@]}")
  more=()
done

# An authority for tests of ACME, built from its source. Not everybody has Go, and Debian's is too old: without, that one
# test says so and is not run.
pebble() {
  local folder PATH=$PATH:/usr/local/go/bin
  folder=$(cd "$(dirname "$0")/.." && pwd)/target/tools/pebble
  [ "$1" = test ] && [ ! -x "$folder/pebble" ] && command -v go >/dev/null || return 0
  echo "Building Pebble"
  GOBIN=$folder GOFLAGS=-trimpath go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3 2>/dev/null ||
    echo "Pebble could not be built: certificates by ACME are not tested"
}
pebble "$1"

# Debian's Python makes no virtual environments by itself, and has no command that would tell.
if [ "$1" = test ] && command -v python3 >/dev/null && ! python3 -c 'import ensurepip' 2>/dev/null; then
  packages+=(python3-venv)
fi
# Pictures for people to look at: the typeface that the styles name first, and reactions in colour.
if [ "$1" = gallery ]; then
  for font in fonts-inter fonts-noto-color-emoji; do
    dpkg-query --show "$font" >/dev/null 2>&1 || packages+=("$font")
  done
fi
[ ${#packages[@]} -gt 0 ] || exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo); fi
apt=(apt-get install --yes --no-install-recommends "${packages[@]}")
command -v apt-get >/dev/null || fail "Missing: ${packages[*]} (names of Debian packages)"
command -v "${as_root[0]:-apt-get}" >/dev/null || fail "Missing packages. As root, run: ${apt[*]}"

echo "Installing ${packages[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || { cat "$log" >&2; fail "Could not run: $*"; }; }
quietly apt-get update
quietly "${apt[@]}"
