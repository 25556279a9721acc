#!/usr/bin/env bash
# Known weaknesses of the dependencies, Rust and npm. What cannot be asked because its database is out of reach is said,
# and is no failure; a weakness is.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=0

echo "== Rust advisories"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if scripts/deny.sh advisories >"$log" 2>&1; then
  cat "$log"
elif grep -qiE 'failed to fetch advisory database|unable to.*advisory' "$log"; then
  echo "out of reach: the advisory database was not asked"
else
  cat "$log"
  failed=1
fi

for folder in web-demo tests/e2e; do
  echo "== npm advisories: $folder"
  # A report has its version; what is none is an error of the way there.
  npm --prefix "$folder" audit --json >"$log" 2>/dev/null || true
  node -e '
    const report = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8") || "{}");
    if (!report.auditReportVersion) {
      console.log("out of reach: npm was not asked");
      process.exit(0);
    }
    const found = Object.values(report.vulnerabilities);
    for (const { name, severity } of found) console.log(`${severity}: ${name}`);
    console.log(`${found.length} packages with a known weakness`);
    process.exit(found.some(({ severity }) => ["high", "critical"].includes(severity)) ? 1 : 0);
  ' "$log" || failed=1
done

exit "$failed"
