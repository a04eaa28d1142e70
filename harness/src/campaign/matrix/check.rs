//! What is wrong with a campaign file, all of it at once, each at its place.

use super::file::{CampaignFile, CanaryFile, Expectation};
use crate::campaign::signs::{WHOLE_RUN, kinds};
use crate::scenario::errors::{ScenarioErrors, Trouble};
use crate::scenario::parse::{Readable, read};
use crate::scenario::places::Places;
use crate::scenario::shipped;
use crate::scenario::troubles::Troubles;
use fuse_fs::nearest::nearest;
use record::plan::keeper::Keeper;
use reports::kit::verdict::Verdict;
use std::path::{Path, PathBuf};

/// Where all that a campaign file may say is written down.
const REFERENCE: &str = "docs/campaigns.md";

/// More runs of a cell than anybody waits for.
const MOST_SEEDS: u32 = 100_000;

/// Reads a campaign file.
///
/// # Errors
/// It cannot be read, or something in it is wrong.
pub(super) fn campaign_file(path: &Path) -> Result<(CampaignFile, String), ScenarioErrors> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("{} cannot be read: {error}", path.display());
        let help = format!("give the path of a campaign file; {REFERENCE} has one to begin with");
        ScenarioErrors::new(path, "", vec![Trouble { message, help: Some(help), span: None }])
    })?;
    let Readable { value, mut troubles, incomplete } = read::<CampaignFile>(&text, REFERENCE);
    if let Some(file) = &value {
        let mut found = Troubles::new(Places::new(&text), incomplete);
        check(file, path, &mut found);
        troubles.extend(found.troubles);
    }
    match value {
        Some(file) if troubles.is_empty() => Ok((file, text)),
        _ => Err(ScenarioErrors::new(path, &text, troubles)),
    }
}

/// A name that comes with the program, or else a file beside the campaign's.
pub(super) fn beside(campaign: &Path, name: &str) -> PathBuf {
    match shipped::text(Path::new(name)) {
        Some(_) => name.into(),
        None => campaign.parent().unwrap_or(Path::new("")).join(name),
    }
}

/// As [`beside`], of a target.
pub(super) fn target_beside(campaign: &Path, name: &str) -> String {
    let ours = crate::server::find::built_in().iter().any(|definition| definition.name == name);
    let file = campaign.parent().unwrap_or(Path::new("")).join(name);
    if ours || !file.is_file() { name.to_owned() } else { file.display().to_string() }
}

fn check(file: &CampaignFile, path: &Path, found: &mut Troubles<'_>) {
    if file.name.trim().is_empty() {
        found.add("name", "the name is empty", "name it: results are known by it");
    }
    check_seeds(file, found);
    check_lists(file, path, found);
    check_canary(&file.canary, path, found);
    for (n, expectation) in file.expect.iter().enumerate() {
        check_expectation(file, &format!("expect.{n}"), expectation, found);
    }
}

fn check_seeds(file: &CampaignFile, found: &mut Troubles<'_>) {
    match (file.seeds, file.until) {
        (Some(_), Some(_)) => {
            found.add("until", "`seeds` and `until` exclude each other", "keep the one that is to decide");
        }
        (None, None) => {
            found.add("name", "nothing says how long it goes on", "add `seeds = 5`, or `until = \"4h\"`");
        }
        (Some(seeds), None) if !(1..=MOST_SEEDS).contains(&seeds) => {
            found.add("seeds", format!("{seeds} seeds"), format!("from 1 to {MOST_SEEDS} are possible"));
        }
        (None, Some(until)) if until.0.is_zero() => {
            found.add("until", "no time at all", "write a length of time such as \"4h\"");
        }
        _ => {}
    }
    if file.first_seed > u64::MAX / 2 {
        found.add("first-seed", "too large to count on from", "write a smaller one");
    }
}

fn check_lists(file: &CampaignFile, path: &Path, found: &mut Troubles<'_>) {
    for (list, names) in [("scenarios", &file.scenarios), ("targets", &file.targets)] {
        if names.is_empty() {
            found.add(list, "the list is empty", "`fermoposta list` shows those that come with the program");
        }
    }
    for (n, name) in file.scenarios.iter().enumerate() {
        check_scenario(&format!("scenarios.{n}"), name, path, found);
    }
    for (n, name) in file.targets.iter().enumerate() {
        check_target(&format!("targets.{n}"), name, path, found);
    }
    for (n, keeper) in file.storages.iter().enumerate() {
        if file.storages[..n].contains(keeper) {
            found.add(&format!("storages.{n}"), format!("`{keeper}` is there twice"), "name each once");
        }
    }
}

fn check_scenario(field: &str, name: &str, path: &Path, found: &mut Troubles<'_>) {
    let file = beside(path, name);
    if shipped::text(&file).is_some() || file.is_file() {
        return;
    }
    let meant = nearest(name, shipped::SHIPPED.iter().map(|one| one.name));
    let meant = meant.map_or(String::new(), |name| format!("did you mean `{name}`? "));
    let help = "`fermoposta list` shows those that come with the program; or give the path of a file, from this one on";
    found.add(field, format!("there is no scenario `{name}`"), meant + help);
}

fn check_target(field: &str, name: &str, path: &Path, found: &mut Troubles<'_>) {
    if let Err(unusable) = crate::server::find::find(&target_beside(path, name), Path::new("")) {
        found.add(field, unusable.message, unusable.help);
    }
}

fn check_canary(canary: &CanaryFile, path: &Path, found: &mut Troubles<'_>) {
    check_scenario("canary.scenario", &canary.scenario, path, found);
    check_target("canary.target", &canary.target, path, found);
    let defects: Vec<String> = reference::defect::Defect::all().map(|one| one.name().to_owned()).collect();
    for (n, defect) in canary.defects.iter().enumerate() {
        found.one_of(&format!("canary.defects.{n}"), "defect", defect, &defects);
    }
    found.one_of("canary.property", "property", &canary.property, &properties().collect::<Vec<_>>());
}

fn properties() -> impl Iterator<Item = String> {
    judge::properties().map(|(name, _)| name.to_owned())
}

fn check_expectation(file: &CampaignFile, at: &str, of: &Expectation, found: &mut Troubles<'_>) {
    found.one_of(&format!("{at}.scenario"), "scenario", &of.scenario, &file.scenarios);
    found.one_of(&format!("{at}.target"), "target", &of.target, &file.targets);
    if let Some(keeper) = of.storage {
        let known: Vec<String> = file.storages.iter().copied().map(Keeper::name).map(str::to_owned).collect();
        found.one_of(&format!("{at}.storage"), "storage", keeper.name(), &known);
    }
    let kinds = kinds().map(str::to_owned);
    let known: Vec<String> = properties().chain(kinds).chain([WHOLE_RUN.to_owned()]).collect();
    found.one_of(&format!("{at}.property"), "property", &of.property, &known);
    if of.verdict == Verdict::Valid {
        let help = "write \"invalid\" or \"unknown\"; what is valid needs no entry";
        found.add(&format!("{at}.verdict"), "`valid` is what is always expected", help);
    }
    if of.reason.trim().is_empty() {
        found.add(
            &format!("{at}.reason"),
            "no reason",
            "say why this is known: whoever reads it next year was not there",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_campaign_that_is_shown_as_an_example_is_sound() {
        let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/ci/nightly.toml");
        let (file, _) = campaign_file(&example).map_err(ScenarioErrors::shown).expect("it is sound");
        assert!(!file.expect.is_empty() && !file.canary.defects.is_empty());
    }

    #[test]
    fn the_first_campaign_in_the_documentation_says_every_key() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/campaigns.md");
        let page = std::fs::read_to_string(page).expect("it is there");
        let text =
            page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
        let Readable { value, troubles, .. } = read::<CampaignFile>(text, REFERENCE);
        assert!(value.is_some(), "{troubles:?}");
        for key in ["seeds", "until", "first-seed", "storages", "defects", "verdict", "reason"] {
            assert!(text.contains(&format!("{key} ")), "{key}");
        }
    }
}
