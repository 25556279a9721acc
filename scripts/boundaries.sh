#!/usr/bin/env bash
# What a crate must never depend on, directly or through another (ARCHITECTURE.md): fails, and names
# what crossed which boundary.
set -euo pipefail
cd "$(dirname "$0")/.."

crossed=0
cross() { echo "boundary: $*" >&2; crossed=1; }

# must_not CRATE FORBIDDEN...: normal and build dependencies; tests may use what they like.
must_not() {
  local crate=$1 tree name
  shift
  tree=$(cargo tree --quiet --package "$crate" --edges normal,build --prefix none --format '{p}' | cut -d' ' -f1)
  for name in "$@"; do
    grep -qxE -- "$name" <<<"$tree" && cross "$crate depends on $(grep -xE -m1 -- "$name" <<<"$tree")"
  done
  return 0
}

runtime=(tokio mio async-std socket2 hyper axum reqwest)
store=(sqlx 'sqlx-.*' rusqlite libsqlite3-sys async-nats)
media=(webrtc 'rtc-.*' str0m)

must_not palco-protocol "${runtime[@]}" "${store[@]}" "${media[@]}" 'palco-(room|signaling|sfu|client)' palco
must_not palco-room "${runtime[@]}" "${store[@]}" "${media[@]}" rand 'palco-(signaling|sfu|client)' palco
must_not palco-signaling "${store[@]}" "${media[@]}" 'palco-(sfu|client)' palco
must_not palco-sfu axum hyper "${store[@]}" webrtc 'palco-(protocol|room|signaling|client)' palco
must_not palco-client 'palco-(room|signaling|sfu)' palco axum "${store[@]}"

# The room takes time and ids from its caller. (The standard library is no dependency, and ids of the
# protocol's uuid crate could be drawn at random: so its source is looked at.)
impure=$(grep -rnE 'std::(fs|net|thread|process|env)\b|Instant::now|SystemTime|new_v[47]|now_v7' signaling/room/src || true)
[ -z "$impure" ] || cross "palco-room is not pure:"$'\n'"$impure"

exit "$crossed"
