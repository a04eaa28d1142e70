//! The scenario reference in `docs/`, generated from the descriptions in the JSON schema.

use serde_json::Value;
use std::fmt::Write;

/// A whole scenario, to see how the parts stand together.
const EXAMPLE: &str = include_str!("../../scenarios/eio-on-fsync.toml");

/// The reference as Markdown.
pub(crate) fn reference_markdown() -> String {
    let schema = crate::scenario::schema();
    let mut out = format!(
        "# Scenario reference\n\nGenerated from the schema by `fermoposta reference`; do not edit. Required fields are \
         marked with *. A whole scenario first:\n\n```toml\n{EXAMPLE}```\n\n"
    );
    table(&mut out, "scenario", &schema);
    for name in reading_order(&schema) {
        table(&mut out, &name, &schema["$defs"][&name]);
    }
    out.truncate(out.trim_end().len());
    out + "\n"
}

/// Types in the order in which a reader meets them: those of the scenario's own fields first, then theirs.
fn reading_order(schema: &Value) -> Vec<String> {
    let mut order = Vec::new();
    references(&schema["properties"], &mut order);
    let mut next = 0;
    while let Some(name) = order.get(next).cloned() {
        references(&schema["$defs"][&name], &mut order);
        next += 1;
    }
    order
}

/// Adds the types that `schema` names and that are not yet in `order`.
fn references(schema: &Value, order: &mut Vec<String>) {
    match schema {
        Value::Object(map) => {
            if let Some(name) =
                map.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next())
                && !order.iter().any(|known| known == name)
            {
                order.push(name.to_owned());
            }
            map.values().for_each(|below| references(below, order));
        }
        Value::Array(items) => items.iter().for_each(|below| references(below, order)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// One type: its description, then its fields or its choices.
fn table(out: &mut String, name: &str, schema: &Value) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "## {name}\n");
    if let Some(text) = schema.get("description").and_then(Value::as_str) {
        let _ = writeln!(out, "{}\n", joined(text));
    }
    fields(out, schema);
    choices(out, schema);
}

fn fields(out: &mut String, schema: &Value) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|p| !p.is_empty())
    else {
        return;
    };
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let _ = writeln!(out, "| field | type | meaning |\n|---|---|---|");
    for (name, field) in properties {
        let mark = if required.contains(&name.as_str()) { "*" } else { "" };
        let _ = writeln!(out, "| `{name}`{mark} | {} | {} |", kind(field), cell(field));
    }
    out.push('\n');
}

fn choices(out: &mut String, schema: &Value) {
    let variants = ["oneOf", "anyOf"].iter().filter_map(|key| schema.get(*key)?.as_array());
    for variant in variants.flatten() {
        let name = variant.get("const").map(|name| format!("`{}`", name.as_str().unwrap_or_default()));
        let inner = variant.get("properties").and_then(Value::as_object).and_then(|map| map.iter().next());
        match (name, inner) {
            (Some(name), _) => out.push_str(&format!("- {name}: {}\n", cell(variant))),
            (None, Some((key, value))) => {
                out.push_str(&format!("- `{key}` ({}): {}\n", kind(value), cell(variant)));
            }
            (None, None) => {}
        }
        if let Some((_, value)) = inner.filter(|(_, value)| value.get("properties").is_some()) {
            out.push('\n');
            fields(out, value);
        }
    }
    for name in schema.get("enum").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
        let _ = writeln!(out, "- `{name}`");
    }
    out.push('\n');
}

/// A type in words, linked where it has a section of its own.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let name = reference.rsplit('/').next().unwrap_or_default();
        return format!("[{name}](#{})", name.to_lowercase());
    }
    if let Some(variants) = schema.get("anyOf").and_then(Value::as_array) {
        let names: Vec<String> = variants.iter().map(kind).filter(|name| name != "null").collect();
        return names.join(" or ");
    }
    if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
        return format!("table of {} by name", kind(values));
    }
    match schema.get("type") {
        Some(Value::String(name)) if name == "array" => {
            format!("list of {}", schema.get("items").map_or("anything".to_owned(), kind))
        }
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => {
            let names: Vec<&str> =
                names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect();
            names.join(" or ")
        }
        _ => "table".to_owned(),
    }
}

/// A description as one table cell.
fn cell(schema: &Value) -> String {
    joined(schema.get("description").and_then(Value::as_str).unwrap_or_default()).replace('|', "\\|")
}

fn joined(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a committed file of the repository.
    fn committed(path: &str) -> String {
        std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path))
            .unwrap_or_default()
    }

    #[test]
    fn the_committed_reference_is_current() {
        let current = committed("docs/scenario-reference.md") == reference_markdown();
        assert!(current, "run `cargo run -- reference > docs/scenario-reference.md`");
    }

    #[test]
    fn the_committed_schema_is_current() {
        let schema = serde_json::to_string_pretty(&crate::scenario::schema()).unwrap() + "\n";
        assert!(
            committed("scenarios/schema.json") == schema,
            "run `cargo run -- schema > scenarios/schema.json`"
        );
    }
}
