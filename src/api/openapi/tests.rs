//! The document against the router, the error table, and the protocol's description for people.

use std::collections::BTreeSet;

use palco_protocol::ErrorCode;
use serde_json::Value;

use super::*;

fn document() -> Value {
    serde_json::from_str(&DOCUMENT).unwrap()
}

/// `GET /people/{}`: parameters are named by whoever writes.
fn operation(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let parts = path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part });
    format!("{} {}", method.to_uppercase(), parts.collect::<Vec<_>>().join("/"))
}

fn described_for_machines() -> BTreeSet<String> {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        let path = path.strip_prefix("/api/v1").unwrap();
        let methods = item.as_object().unwrap().keys().filter(|key| *key != "parameters");
        methods.map(|method| operation(method, path)).collect::<Vec<_>>()
    });
    operations.collect()
}

/// The first cells of the tables of requests: `PUT`, `DELETE /people/{person}/block`; `GET /a/b`, `/c`.
fn described_for_people() -> BTreeSet<String> {
    let mut operations = BTreeSet::new();
    for line in include_str!("../../../docs/protocol.md").lines() {
        let Some(cell) = line.strip_prefix("| ").and_then(|line| line.split(" | ").next()) else {
            continue;
        };
        let mut methods: Vec<&str> = Vec::new();
        let mut last = String::new();
        for words in cell.split('`').skip(1).step_by(2) {
            match words.split_once(' ') {
                Some((method, path)) if path.starts_with('/') => {
                    methods.push(method);
                    path.clone_into(&mut last);
                }
                // Another last part of the path before.
                None if words.starts_with('/') && !last.is_empty() => {
                    let (parent, _) = last.rsplit_once('/').unwrap();
                    last = format!("{parent}{words}");
                }
                None if ["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&words) => {
                    methods.push(words);
                    continue;
                }
                _ => break,
            }
            operations.extend(methods.iter().map(|method| operation(method, &last)));
        }
    }
    operations
}

#[test]
fn what_machines_are_told_people_are_told_too_and_the_other_way_round() {
    let (machines, people) = (described_for_machines(), described_for_people());
    // Of itself the document need not speak to people in a table.
    let told: BTreeSet<_> =
        machines.iter().filter(|it| *it != "GET /openapi.json").cloned().collect();
    assert_eq!(told.difference(&people).collect::<Vec<_>>(), [""; 0], "not in docs/protocol.md");
    assert_eq!(people.difference(&told).collect::<Vec<_>>(), [""; 0], "not served");
}

#[test]
fn every_route_of_the_api_is_registered_with_its_description() {
    let source = include_str!("../mod.rs");
    let (_, rest) = source.split_once("fn v1()").unwrap();
    let (v1, _) = rest.split_once("\n}\n").unwrap();
    assert!(v1.contains("routes!("));
    for undescribed in [".route(", ".nest(", ".merge(", "_service("] {
        assert!(!v1.contains(undescribed), "{undescribed} adds what the document does not know");
    }
}

#[test]
fn every_error_code_is_in_the_document() {
    let document = document();
    let listed = document["components"]["schemas"]["ErrorCode"]["enum"].as_array().unwrap();
    let listed: Vec<_> = listed.iter().filter_map(Value::as_str).collect();
    let codes: Vec<_> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(listed, codes);
}

#[test]
fn every_operation_has_an_id_of_its_own_and_says_what_an_error_is_like() {
    let document = document();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(ids.insert(id), "{method} {path}");
            let problem = &operation["responses"]["default"]["$ref"];
            assert_eq!(problem, "#/components/responses/Problem", "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let named = path.matches('{').count();
            let parameters = operation["parameters"].as_array();
            let in_path = |it: &&Value| it["in"] == "path";
            let described = parameters.map_or(0, |list| list.iter().filter(in_path).count());
            assert_eq!(described, named, "{method} {path}");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(document.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}
