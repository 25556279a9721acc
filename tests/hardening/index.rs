//! README.md names a test for each of the thirty, and guards.toml a guard: this holds both to that.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;

const INDEX: &str = include_str!("README.md");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() && !["target", "node_modules", ".git", "dist"].contains(&name) {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The functions marked as tests.
fn tests_of(text: &str) -> impl Iterator<Item = &str> {
    let mut marked = false;
    text.lines().filter_map(move |line| {
        let line = line.trim();
        marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let name = line.strip_prefix("async fn ").or_else(|| line.strip_prefix("fn "))?;
        std::mem::take(&mut marked).then(|| name.split('(').next().unwrap_or_default())
    })
}

/// The function's own name in `crate::module::function`.
fn function(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// The tests of each row: whatever stands in code in their column.
fn rows() -> BTreeMap<u32, Vec<&'static str>> {
    let rows = INDEX.lines().filter(|line| line.starts_with("| ")).skip(1);
    let row = |line: &'static str| {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let tests = cells[3].split('`').skip(1).step_by(2).map(function).collect();
        (cells[1].parse().expect("a number"), tests)
    };
    rows.map(row).collect()
}

#[test]
fn every_test_named_in_the_index_exists() {
    let mut files = Vec::new();
    sources(root(), &mut files);
    let mut known = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        known.extend(tests_of(&text).map(str::to_owned));
    }
    let rows = rows();
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), (1..=30).collect::<Vec<_>>());
    for (row, tests) in rows {
        assert!(!tests.is_empty(), "row {row} names no test");
        for test in tests {
            assert!(known.contains(test), "row {row}: no test is called {test}");
        }
    }
}

#[derive(Deserialize)]
struct Guards {
    guard: Vec<Guard>,
}

#[derive(Deserialize)]
struct Guard {
    row: u32,
    what: String,
    cut: Vec<Cut>,
    tests: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
struct Cut {
    file: PathBuf,
    guard: String,
}

#[test]
fn every_guard_stands_where_it_is_said_to_and_every_test_of_the_index_has_one() {
    let guards: Guards = toml::from_str(include_str!("guards.toml")).expect("a list of guards");
    let mut missed: BTreeMap<u32, BTreeSet<&str>> = BTreeMap::new();
    for Guard { row, what, cut, tests } in &guards.guard {
        for Cut { file, guard } in cut {
            let text = fs::read_to_string(root().join(file)).expect("readable");
            let times = text.matches(guard).count();
            assert_eq!(times, 1, "row {row}, {what}: in {}:\n{guard}", file.display());
        }
        missed.entry(*row).or_default().extend(tests.values().flatten().map(|name| function(name)));
    }
    for (row, tests) in rows() {
        let shown = missed.remove(&row).unwrap_or_default();
        assert_eq!(tests.into_iter().collect::<BTreeSet<_>>(), shown, "row {row}");
    }
    assert!(missed.is_empty(), "no such rows: {:?}", missed.keys());
}
