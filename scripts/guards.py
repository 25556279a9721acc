#!/usr/bin/env python3
"""Takes out one guard after another, and demands that the tests named beside it fail: scripts/guards.py [ROW...]

tests/hardening/guards.toml has the list. It works on a copy, target/guards/tree, with its own build directory: the
sources here are not touched. First the tests must pass with every guard in place; then, for each removal, the copy must
compile and every test named must run to its end and fail. What was found is printed and kept in target/guards/found.md.
"""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "target/guards/tree"
LIST = "tests/hardening/guards.toml"
# Our own crates unoptimised: they are compiled again for each removal, and nothing here is timed.
CRATES = ["palco", "palco-client", "palco-fuzz", "palco-protocol", "palco-room", "palco-sfu", "palco-signaling"]
PROFILE = [f"--config=profile.release.package.{crate}.{of}" for crate in CRATES for of in ("opt-level=0", "debug=false")]
# A test that hangs has not failed.
DEADLINE_S = 600


def copy_sources():
    """What git would commit, and the built web client. A file that is the same keeps its time: cargo goes by that."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True
    )
    wanted = {name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()}
    wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "web-demo/dist").rglob("*") if path.is_file()}
    for path in [path for path in TREE.rglob("*") if path.is_file()] if TREE.exists() else []:
        if str(path.relative_to(TREE)) not in wanted:
            path.unlink()
    for name in wanted:
        to = TREE / name
        if not to.exists() or to.read_bytes() != (ROOT / name).read_bytes():
            to.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to)


def cargo(where, *arguments, deadline=None):
    environment = {**os.environ, "CARGO_TARGET_DIR": str(ROOT / "target/guards/build"), "CARGO_INCREMENTAL": "1"}
    command = ["cargo", "test", "--quiet", "--locked", "--release", *PROFILE, "-p", *where.split(), *arguments]
    return subprocess.run(
        command, cwd=TREE, env=environment, timeout=deadline, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def outcomes(where, tests):
    """What became of each test: `ok`, `failed`, or why neither."""
    built = cargo(where, "--no-run")
    if built.returncode != 0:
        print(built.stdout)
        return dict.fromkeys(tests, "does not compile")
    found = {}
    # One at a time, each in a process of its own: a test that fails may leave anything behind.
    for test in tests:
        try:
            ran = cargo(where, "--", "--exact", test, deadline=DEADLINE_S)
        except subprocess.TimeoutExpired:
            found[test] = "hangs"
            continue
        count = re.search(r"^test result: \w+\. (\d+) passed; (\d+) failed", ran.stdout, re.MULTILINE)
        passed, failed = (int(count[1]), int(count[2])) if count else (0, 0)
        found[test] = {(1, 0): "ok", (0, 1): "failed"}.get((passed, failed), "did not run to its end")
        (ROOT / "target/guards/last.log").write_text(ran.stdout)
    return found


def without(guard):
    """What becomes of the guard's tests when it is gone."""
    before = {}
    try:
        for cut in guard["cut"]:
            file = TREE / cut["file"]
            text = file.read_text()
            before.setdefault(file, text)
            if text.count(cut["guard"]) != 1:
                sys.exit(f"row {guard['row']}: this does not stand in {cut['file']} exactly once:\n{cut['guard']}")
            file.write_text(text.replace(cut["guard"], cut["without"]))
        found = {}
        for where, tests in guard["tests"].items():
            found |= outcomes(where, tests)
        return found
    finally:
        for file, text in before.items():
            file.write_text(text)


def main():
    rows = {int(row) for row in sys.argv[1:]}
    guards = [guard for guard in tomllib.loads((ROOT / LIST).read_text())["guard"] if not rows or guard["row"] in rows]
    copy_sources()
    wrong = []
    whole = {}
    for guard in guards:
        for where, tests in guard["tests"].items():
            whole.setdefault(where, {}).update(dict.fromkeys(tests))
    for where, tests in whole.items():
        for test, outcome in outcomes(where, tests).items():
            if outcome != "ok":
                wrong.append(f"{test}, with every guard in place: {outcome}")
    table = ["| row | taken out | test | then |", "|---|---|---|---|"]
    print("\n".join(table), flush=True)
    for guard in guards:
        found = without(guard)
        for test, outcome in found.items():
            table.append(f"| {guard['row']} | {guard['what']} | `{test}` | {outcome} |")
            print(table[-1], flush=True)
            if outcome != "failed":
                wrong.append(f"row {guard['row']}, without {guard['what']}: {test}: {outcome}")
    (ROOT / "target/guards/found.md").write_text("\n".join(table) + "\n")
    if wrong:
        sys.exit("not shown:\n" + "\n".join(wrong))
    print(f"{len(guards)} guards, each taken out and missed")


main()
