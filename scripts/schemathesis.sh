#!/usr/bin/env bash
# Asks the API everything its OpenAPI document allows, and much that it does not: no answer may be a server's error, of
# a type or a shape that the document does not name. Bounded; SEED=<n> repeats a run.
#
# scripts/schemathesis.sh REPORT: writes JUnit XML there.
set -euo pipefail
cd "$(dirname "$0")/.."

report=$1
version=4.32.5
seconds=75
seed=${SEED:-$(date +%s)}

venv=target/schemathesis
if [ "$("$venv/bin/schemathesis" --version 2>/dev/null)" != "Schemathesis $version" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

data=$(mktemp -d)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
url=http://127.0.0.1:$port
target/release/palco serve --listen "127.0.0.1:$port" --udp 127.0.0.1:0 --shards 1 --data "$data" >"$data/log" 2>&1 &
server=$!
# The server is ours; a killed script leaves nothing behind.
trap 'kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; rm -rf "$data"' EXIT
for _ in $(seq 300); do
  kill -0 "$server" 2>/dev/null || { cat "$data/log" >&2; exit 1; }
  curl --silent --fail "$url/healthz" && break
  sleep 0.1
done

# An operator: whoever may do everything reaches everything.
token=$(curl --silent --fail --json '{"handle":"tester","name":"Tester","password":"correct horse","session":"token"}' \
  "$url/api/v1/accounts" | python3 -c 'import json, sys; print(json.load(sys.stdin)["token"])')
target/release/palco admin grant tester --server "$url" --data "$data"

echo "seed $seed"
status=0
# What would end the one session that the others need, or take its rights: signing out, suspending oneself.
"$venv/bin/schemathesis" run "$url/api/v1/openapi.json" --header "Authorization: Bearer $token" --workers 2 \
  --checks not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance \
  --exclude-operation-id delete_session --exclude-operation-id put_admin_people_person_suspension \
  --exclude-operation-id delete_admin_people_person_operator --phases examples,coverage,fuzzing --max-time "$seconds" --seed "$seed" \
  --suppress-health-check all --continue-on-failure --warnings off --no-color --report junit --report-junit-path "$report" ||
  status=$?
grep -i 'panicked' "$data/log" && status=1
# The session must have lasted: else everything was answered 401, and nothing was tested.
curl --silent --fail --output "$data/me" --header "Authorization: Bearer $token" "$url/api/v1/me" ||
  { echo "the session was lost on the way" >&2; status=1; }
exit "$status"
