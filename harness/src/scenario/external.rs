//! What a scenario means on a mail server that runs already, on a storage that is not the harness's.

use super::file::Scenario;
use super::overrides::Overrides;
use super::troubles::Troubles;
use crate::mail::users;
use record::history::Ingress;
use record::plan::TargetPlan;
use record::plan::server::accounts::Accounts;
use record::plan::server::{Definition, ServerKind};
use record::plan::step::StepAction;
use record::plan::workload::WorkloadPlan;

/// Users of a scenario that says nothing of them.
const USUAL_USERS: usize = 10;

/// Users by their addresses, and who sends.
#[derive(Clone, Debug, Default)]
pub(super) struct Named {
    pub(super) users: Vec<String>,
    pub(super) sender: Option<String>,
}

fn is_plain(address: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || ".-_+=@".contains(c);
    address.chars().all(plain) && !address.starts_with('-') && address.matches('@').count() == 1
}

impl Named {
    pub(super) fn count(&self) -> u32 {
        u32::try_from(self.users.len()).unwrap_or(u32::MAX)
    }
}

/// Whoever takes part, if the mail server is external and has users of its own.
pub(super) fn named(
    scenario: &Scenario,
    target: &TargetPlan,
    overrides: &Overrides,
    found: &mut Troubles<'_>,
) -> Option<Named> {
    let definition = &target.definition;
    if scenario.front_door.is_some() && definition.tls.is_used() {
        let help = "leave the front door out, or test the server without TLS";
        found.add(
            "front-door",
            "a front door speaks to the mail server in plain text, and the target has TLS",
            help,
        );
    }
    let accounts = definition.accounts.as_ref().filter(|_| definition.kind == ServerKind::External)?;
    contradictions(scenario, definition, overrides, found);
    Some(of_the_file(scenario, definition, accounts, found))
}

fn of_the_file(
    scenario: &Scenario,
    definition: &Definition,
    accounts: &Accounts,
    found: &mut Troubles<'_>,
) -> Named {
    let file = accounts.file.display();
    let all: Vec<String> = match users::read(&accounts.file) {
        Ok(all) => all.into_iter().map(|user| user.address).collect(),
        Err(why) => {
            let help = "it is CSV with the columns address, login, password, password_command, or TOML with [[user]]";
            found.add("target.server", format!("accounts of {}: {file}: {why}", definition.name), help);
            return Named::default();
        }
    };
    let unknown = accounts.only.iter().chain(&accounts.sender).find(|one| !all.contains(one));
    if let Some(unknown) = unknown {
        let message = format!("{} names {unknown}, who is not in {file}", definition.name);
        found.add("target.server", message, "name addresses of that file in `only` and `sender`");
    }
    // They stand in commands of the target's, and in those of SMTP.
    if let Some(odd) = all.iter().find(|one| accounts.takes_part(one) && !is_plain(one)) {
        let message = format!("{odd:?} in {file} cannot be a user of a run");
        found.add(
            "target.server",
            message,
            "choose by `only` addresses of letters, digits and `.`, `-`, `_`, `+`, `=` alone, with one `@`",
        );
    }
    let users = chosen(scenario, accounts, all, found);
    Named { users, sender: accounts.sender.clone() }
}

fn chosen(
    scenario: &Scenario,
    accounts: &Accounts,
    all: Vec<String>,
    found: &mut Troubles<'_>,
) -> Vec<String> {
    let mut users: Vec<String> = all.into_iter().filter(|one| accounts.takes_part(one)).collect();
    let wanted = scenario.workload.users.map_or(USUAL_USERS.min(users.len()), |users| users as usize);
    if users.len() < wanted || users.is_empty() {
        let message = format!("{wanted} users, but the accounts of the target have {}", users.len());
        found.add(
            "workload.users",
            message,
            "leave `users` out, or name more users in the file of its accounts",
        );
    }
    users.truncate(wanted);
    users
}

/// What only a storage of the harness's, or users of its own, can do.
fn contradictions(
    scenario: &Scenario,
    definition: &Definition,
    overrides: &Overrides,
    found: &mut Troubles<'_>,
) {
    let name = &definition.name;
    let help =
        "test it with `kind = \"command\"` on this machine, or break its storage by steps with `run-command`";
    let here = [
        ("storage", !scenario.storage.is_empty(), "a storage of the harness"),
        ("fault.0", !scenario.fault.is_empty(), "a fault of the storage"),
        ("cohort.0", !scenario.cohort.is_empty(), "a place for each user's mail"),
        ("front-door", scenario.front_door.is_some(), "a gateway before it"),
        ("expect.disk-intact", scenario.expect.disk_intact, "a look at its disk"),
    ];
    for (field, _, what) in here.iter().filter(|(_, asked, _)| *asked) {
        found.add(
            field,
            format!("{name} is external: its mail is not here, and {what} would change nothing"),
            help,
        );
    }
    let placed = overrides.disks.all.is_some() || !overrides.disks.apart.is_empty();
    if overrides.persistence.is_some() || overrides.store.is_some() || placed {
        let message = format!(
            "{name} is external: --persistence, --store and --storage-dir say nothing of its storage"
        );
        found.add("target.server", message, "leave the option out");
    }
    let variants = scenario.variant.iter().enumerate();
    let variants = variants.flat_map(|(n, one)| {
        one.step.iter().enumerate().map(move |(m, step)| (format!("variant.{n}.step.{m}"), step))
    });
    let own = scenario.step.iter().enumerate().map(|(n, step)| (format!("step.{n}"), step));
    let steps: Vec<_> = own.chain(variants).collect();
    for (field, step) in steps {
        possible(&field, &step.action, definition, found);
    }
}

/// A step is done by a command of the target's, or not at all.
fn possible(field: &str, action: &StepAction, definition: &Definition, found: &mut Troubles<'_>) {
    let missing = |command: &[String], key: &'static str| command.is_empty().then_some(key);
    let name = &definition.name;
    let missing = match action {
        StepAction::KillTarget {} => missing(&definition.kill, "kill"),
        StepAction::StopTarget {} => missing(&definition.stop, "stop"),
        StepAction::StartTarget {} => missing(&definition.start, "start"),
        StepAction::RunCommand { .. } | StepAction::Phase { .. } => None,
        StepAction::Heal { .. }
        | StepAction::Arm { .. }
        | StepAction::Disarm { .. }
        | StepAction::PowerCut { .. }
        | StepAction::MakeDurable { .. }
        | StepAction::RollBack { .. }
        | StepAction::Evict { .. }
        | StepAction::FrontDoor(_)
        | StepAction::Migrate(_)
        | StepAction::PauseMigration {}
        | StepAction::ResumeMigration {}
        | StepAction::Inspect {} => {
            let message =
                format!("{name} is external: this step needs a storage or a gateway of the harness");
            return found.add(field, message, "do it with `do.run-command`, which runs any command of yours");
        }
    };
    if let Some(key) = missing {
        let help =
            format!("give the target `{key} = [\"ssh\", \"mail.example.it\", ...]`, or use `do.run-command`");
        found.add(field, format!("{name} does not say how to {key} its server"), help);
    }
}

/// Bounces of mail by SMTP come back to whoever sent it.
pub(super) fn somebody_sends(workload: &WorkloadPlan, external: bool, found: &mut Troubles<'_>) {
    if external && workload.deliver_by == Ingress::Smtp && workload.sender.is_none() {
        let message = "mail goes in by SMTP, but the target does not say who sends it";
        let help =
            "give its accounts `sender = \"ADDRESS\"`, a user of their file whose INBOX takes the bounces";
        found.add("target.server", message, help);
    }
}
