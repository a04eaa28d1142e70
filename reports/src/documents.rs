//! What holds of every document: its schema and an example of its JSON form are committed, for whoever reads the form and for
//! the test that opens the pages in a browser; it reads back what it wrote; and no form of it shows a hostile string.

use crate::agreement::{self, Agreement};
use crate::campaign::{self, Campaign};
use crate::comparison::{self, Comparison};
use crate::cuts::{self, Cuts};
use crate::history::{self, History};
use crate::kit::format::Format;
use crate::kit::inert::{copy, is_dangerous};
use crate::kit::json::{schema, to_json};
use crate::movers::{self, Movers};
use crate::policies::Policies;
use crate::rehearsal::Rehearsal;
use crate::run::{Report, samples};
use crate::stores::Stores;
use crate::survey::Survey;
use crate::sweep::Sweep;
use crate::{policies, rehearsal, run, stores, survey, sweep};
use ciborium::Value;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::Path;

fn examples() -> Vec<(&'static str, String)> {
    vec![
        ("report-valid", to_json(&samples::valid())),
        ("report-invalid", to_json(&samples::invalid())),
        ("report-unknown", to_json(&samples::unknown())),
        ("report-story", to_json(&samples::story())),
        ("report-queueing", to_json(&samples::queueing())),
        ("report-damaged", to_json(&samples::damaged())),
        ("report-hostile", to_json(&samples::hostile())),
        ("agreement", to_json(&agreement::samples::differing())),
        ("campaign", to_json(&campaign::samples::red())),
        ("comparison", to_json(&comparison::samples::beyond())),
        ("comparison-within", to_json(&comparison::samples::within())),
        ("comparison-hostile", to_json(&comparison::samples::hostile())),
        ("cuts", to_json(&cuts::samples::bad())),
        ("history", to_json(&history::samples::history())),
        ("movers", to_json(&movers::samples::movers())),
        ("policies", to_json(&policies::samples::compared())),
        ("rehearsal", to_json(&rehearsal::samples::rehearsal())),
        ("stores", to_json(&stores::samples::different())),
        ("survey", to_json(&survey::samples::survey())),
        ("sweep", to_json(&sweep::samples::sweep())),
    ]
}

fn schemas() -> Vec<(&'static str, String)> {
    vec![
        ("schema", schema::<Report>()),
        ("agreement-schema", schema::<Agreement>()),
        ("campaign-schema", schema::<Campaign>()),
        ("comparison-schema", schema::<Comparison>()),
        ("cuts-schema", schema::<Cuts>()),
        ("history-schema", schema::<History>()),
        ("movers-schema", schema::<Movers>()),
        ("policies-schema", schema::<Policies>()),
        ("rehearsal-schema", schema::<Rehearsal>()),
        ("stores-schema", schema::<Stores>()),
        ("survey-schema", schema::<Survey>()),
        ("sweep-schema", schema::<Sweep>()),
    ]
}

/// `FERMOPOSTA_BLESS=1 cargo test -p fermoposta-reports` writes the files anew after a wanted change.
fn committed(directory: &str, files: Vec<(&'static str, String)>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
    for (name, text) in files {
        let path = directory.join(format!("{name}.json"));
        if std::env::var_os("FERMOPOSTA_BLESS").is_some() {
            std::fs::write(&path, &text).expect("write the file");
        }
        let committed = std::fs::read_to_string(&path).expect("it is committed");
        assert!(committed == text, "{name}: run with FERMOPOSTA_BLESS=1 to write {}", path.display());
    }
}

#[test]
fn the_committed_examples_are_current() {
    committed("examples", examples());
}

#[test]
fn the_committed_schemas_are_current() {
    committed("", schemas());
}

fn reads_back<T: Serialize + DeserializeOwned>(document: &T) {
    let json = to_json(document);
    let read: T = serde_json::from_str(&json).expect("it was written");
    assert_eq!(to_json(&read), json);
    assert_eq!(to_json(&copy(&copy(document))), to_json(&copy(document)));
}

#[test]
fn documents_survive_the_way_through_json() {
    [
        comparison::samples::beyond(),
        comparison::samples::within(),
        comparison::samples::noisy(),
        comparison::samples::cannot_tell(),
    ]
    .iter()
    .for_each(reads_back);
    [cuts::samples::sound(), cuts::samples::bad()].iter().for_each(reads_back);
    [policies::samples::compared(), policies::samples::hostile()].iter().for_each(reads_back);
    [campaign::samples::red(), campaign::samples::part(), campaign::samples::blind()]
        .iter()
        .for_each(reads_back);
    reads_back(&history::samples::history());
    reads_back(&movers::samples::movers());
    reads_back(&agreement::samples::differing());
    reads_back(&rehearsal::samples::rehearsal());
    [stores::samples::different(), stores::samples::same(), stores::samples::unknown()]
        .iter()
        .for_each(reads_back);
    reads_back(&survey::samples::survey());
    reads_back(&sweep::samples::sweep());
}

const BAD: &str = "<script>alert(1)</script>\u{1b}[2J\u{202e}|\n=1";

/// The document with [`BAD`] for every string of it; what is a name of ours stays, for the document could not be read else.
fn all_hostile<T: Serialize + DeserializeOwned>(document: &T) -> T {
    let mut value = Value::serialized(document).expect("a document is data");
    let mut nth = 0;
    while let Some(old) = replaced(&mut value, &mut nth.clone(), BAD.to_owned()) {
        if value.deserialized::<T>().is_err() {
            replaced(&mut value, &mut nth.clone(), old);
        }
        nth += 1;
    }
    value.deserialized().expect("every change was tried")
}

/// Puts `text` in the place of the string before which there are `left`, and gives back what was there.
fn replaced(value: &mut Value, left: &mut usize, text: String) -> Option<String> {
    match value {
        Value::Text(old) if *left == 0 => Some(std::mem::replace(old, text)),
        Value::Text(_) => {
            *left -= 1;
            None
        }
        Value::Array(values) => values.iter_mut().find_map(|value| replaced(value, left, text.clone())),
        Value::Map(entries) => entries.iter_mut().find_map(|(_, value)| replaced(value, left, text.clone())),
        _ => None,
    }
}

fn forms_are_harmless<T: ?Sized>(document: &T, forms: &[Format<T>]) {
    for form in forms {
        let shown = (form.render)(document);
        let bad = |one: char| is_dangerous(one) && !matches!(one, '\n' | '\r');
        assert!(!shown.chars().any(bad), "{}", form.name);
        let code = |line: &str| form.name == "markdown" && line.starts_with("    ");
        let script = |line: &str| line.contains("<script") && !code(line);
        assert!(
            matches!(form.name, "json" | "text" | "csv" | "openmetrics") || !shown.lines().any(script),
            "{}: {:?}",
            form.name,
            shown.lines().find(|line| script(line))
        );
    }
}

#[test]
fn no_form_shows_a_hostile_string_wherever_it_stands() {
    for report in [samples::story(), samples::damaged(), samples::invalid()] {
        forms_are_harmless([all_hostile(&report)].as_slice(), run::forms::FORMATS);
    }
    forms_are_harmless(&all_hostile(&agreement::samples::differing()), agreement::forms::FORMATS);
    forms_are_harmless(&all_hostile(&campaign::samples::red()), campaign::forms::FORMATS);
    forms_are_harmless(&all_hostile(&comparison::samples::beyond()), comparison::forms::FORMATS);
    forms_are_harmless(&all_hostile(&cuts::samples::bad()), cuts::forms::FORMATS);
    forms_are_harmless(&all_hostile(&history::samples::history()), history::forms::FORMATS);
    forms_are_harmless(&all_hostile(&movers::samples::movers()), movers::forms::FORMATS);
    forms_are_harmless(&all_hostile(&policies::samples::compared()), policies::forms::FORMATS);
    forms_are_harmless(&all_hostile(&rehearsal::samples::rehearsal()), rehearsal::forms::FORMATS);
    forms_are_harmless(&all_hostile(&stores::samples::different()), stores::forms::FORMATS);
    forms_are_harmless(&all_hostile(&survey::samples::survey()), survey::forms::FORMATS);
    forms_are_harmless(&all_hostile(&sweep::samples::sweep()), sweep::forms::FORMATS);
}
