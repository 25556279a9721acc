//! README.md names a test for each of the thirty: this holds it to that.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

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

#[test]
fn every_test_named_in_the_index_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(root, &mut files);
    let mut known = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(&file).expect("readable");
        known.extend(tests_of(&text).map(str::to_owned));
    }
    let index = include_str!("README.md");
    let rows: Vec<_> = index.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    let mut numbers = BTreeSet::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        numbers.insert(cells[1].parse::<u32>().expect("a number"));
        // In the column of tests, whatever stands in code is one: `crate or file::function`, or the function alone.
        for name in cells[3].split('`').skip(1).step_by(2) {
            let function = name.rsplit("::").next().unwrap_or(name);
            assert!(known.contains(function), "no test is called {function}: {row}");
        }
        assert!(cells[3].contains('`'), "no test: {row}");
    }
    assert_eq!(numbers, (1..=30).collect());
}
