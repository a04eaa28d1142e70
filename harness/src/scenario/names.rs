use super::file::Scenario;
use super::troubles::Troubles;
use record::plan::StoragePlan;
use std::collections::{BTreeMap, BTreeSet};

/// The storage a fault or target means: the one it names, or the only one.
pub(crate) fn storage_of(
    named: Option<&String>,
    field: &str,
    storages: &BTreeMap<String, StoragePlan>,
    found: &mut Troubles<'_>,
) -> Option<String> {
    let own = storages.iter().filter(|(_, plan)| plan.cache.is_none());
    let known: Vec<String> = own.map(|(name, _)| name.clone()).collect();
    match named {
        Some(name) => {
            found.one_of(&format!("{field}.storage"), "storage", name, &known);
            known.contains(name).then(|| name.clone())
        }
        None if known.len() == 1 => Some(known[0].clone()),
        None => {
            let where_to = if field == "target" { " below [target]" } else { "" };
            let help = format!("add `storage = ...`{where_to}; there are: {}", known.join(", "));
            found.add(field, "which storage is meant?", help);
            None
        }
    }
}

/// Each name once.
pub(crate) fn fault_names(scenario: &Scenario) -> Vec<String> {
    let names: BTreeSet<String> = scenario.fault.iter().map(|fault| fault.name.clone()).collect();
    names.into_iter().collect()
}
