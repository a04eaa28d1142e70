//! Which course a story takes.

use super::file::Scenario;
use super::troubles::Troubles;

/// The variant of that name, or the first; none if the scenario has none.
pub(crate) fn chosen(scenario: &Scenario, named: Option<&str>, found: &mut Troubles<'_>) -> Option<String> {
    let names: Vec<String> = scenario.variant.iter().map(|variant| variant.name.clone()).collect();
    for (number, name) in names.iter().enumerate().filter(|(number, name)| names[..*number].contains(name)) {
        let message = format!("two variants are called `{name}`");
        found.add(
            &format!("variant.{number}.name"),
            message,
            "give each a name of its own: `run --variant` and reports use it",
        );
    }
    match named {
        Some(name) => {
            // The command line says it: it has no place in the text.
            found.one_of("--variant", "variant", name, &names);
            Some(name.to_owned())
        }
        None => names.into_iter().next(),
    }
}
