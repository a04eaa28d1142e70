//! Who belongs to which cohort, and on which storage a cohort's mail begins.

use super::file::Scenario;
use super::names::storage_of;
use super::troubles::Troubles;
use record::history::UserId;
use record::plan::step::{MigrateOrder, MigrationTool};
use record::plan::{CohortPlan, StoragePlan};
use std::collections::BTreeMap;

/// Users of a scenario that says nothing of them.
const DEFAULT_USERS: u32 = 10;
/// More users on their way at once than any tool is run for.
const MOST_AT_ONCE: u32 = 64;

/// The number of users: what the file says, or those of all cohorts.
pub(crate) fn users(scenario: &Scenario, found: &mut Troubles<'_>) -> u32 {
    let in_cohorts: u64 = scenario.cohort.iter().map(|cohort| u64::from(cohort.users)).sum();
    let users = match (scenario.workload.users, scenario.cohort.is_empty()) {
        (Some(users), false) if u64::from(users) != in_cohorts => {
            let message = format!("{users} users, but the cohorts have {in_cohorts}");
            found.add("workload.users", message, "leave `users` out: every user belongs to a cohort");
            users
        }
        (_, false) => u32::try_from(in_cohorts).unwrap_or(u32::MAX),
        (users, true) => users.unwrap_or(DEFAULT_USERS),
    };
    // Cohorts of nobody are told one by one.
    let least = u32::from(scenario.cohort.is_empty());
    if users < least || users > 100_000 {
        let field = if scenario.workload.users.is_some() { "workload.users" } else { "cohort" };
        found.add(field, format!("{users} users"), "from 1 to 100,000 are possible");
    }
    users
}

/// Every cohort with its users and its storage.
pub(crate) fn cohorts(
    scenario: &Scenario,
    storages: &BTreeMap<String, StoragePlan>,
    target: Option<&str>,
    found: &mut Troubles<'_>,
) -> Vec<CohortPlan> {
    let mut first = 0;
    let mut plans: Vec<CohortPlan> = Vec::new();
    for (index, cohort) in scenario.cohort.iter().enumerate() {
        let field = format!("cohort.{index}");
        if plans.iter().any(|known| known.name == cohort.name) {
            let message = format!("two cohorts are called `{}`", cohort.name);
            found.add(
                &format!("{field}.name"),
                message,
                "give each a name of its own: steps and reports use it",
            );
        }
        if cohort.users == 0 {
            found.add(&format!("{field}.users"), "a cohort of nobody", "give it at least one user");
        }
        let named = cohort.storage.as_deref().or(target).map(str::to_owned);
        // A target whose storage is not known is told already, and so is a storage that is not there.
        let storage =
            named.and_then(|named| storage_of(Some(&named), &field, storages, found)).unwrap_or_default();
        let (name, users, own_entrance) = (cohort.name.clone(), cohort.users, cohort.own_entrance);
        if own_entrance && scenario.front_door.is_none() {
            let help = "remove `own-entrance`, or add [front-door]";
            found.add(&format!("{field}.own-entrance"), "there is no front door to come past", help);
        }
        plans.push(CohortPlan { name, first: UserId(first), users, storage, own_entrance });
        first = first.saturating_add(users);
    }
    plans
}

/// What a migration needs: cohorts, a storage, somebody to move, a front door, and a tool that is there.
pub(crate) fn migration_possible(
    field: &str,
    order: &MigrateOrder,
    scenario: &Scenario,
    storages: &[String],
    found: &mut Troubles<'_>,
) {
    let field = format!("{field}.do.migrate");
    found.one_of(&format!("{field}.to"), "storage", &order.to, storages);
    let cohorts: Vec<String> = scenario.cohort.iter().map(|cohort| cohort.name.clone()).collect();
    for (n, cohort) in order.cohorts.iter().enumerate().filter(|_| !cohorts.is_empty()) {
        found.one_of(&format!("{field}.cohorts.{n}"), "cohort", cohort, &cohorts);
    }
    if cohorts.is_empty() {
        let help = "add [[cohort]] tables: their users have a directory each, which a step can move";
        found.add(&field, "a migration moves users of cohorts, and there is none", help);
    }
    if scenario.front_door.is_none() {
        let help = "add [front-door]: nobody may be let in while a user's last changes are copied";
        found.add(&field, "a migration needs a front door", help);
    }
    if order.at_once == 0 || order.at_once > MOST_AT_ONCE {
        let message = format!("{} users at once", order.at_once);
        found.add(&format!("{field}.at-once"), message, "from 1 to 64 are possible");
    }
    if order.tool == MigrationTool::Cp && order.passes > 0 {
        let help = "write `passes = 0`: what changes beside it would be copied by halves";
        found.add(&format!("{field}.passes"), "`cp` copies once, while nobody is let in", help);
    }
    if order.passes == 0 && !order.final_pass {
        found.add(&format!("{field}.passes"), "nothing would be copied", "give it one pass at least");
    }
}
