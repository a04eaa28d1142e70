//! A step in words.

use crate::front_door::policy::{AccessPolicy, Admit, Change, MailPolicy, NotAdmittedMail};
use crate::plan::{MigrateOrder, StepAction};

fn or_all(storage: Option<&String>) -> &str {
    storage.map_or("every storage", String::as_str)
}

/// What a step does, for the history and the reports.
pub fn in_words(action: &StepAction) -> String {
    match action {
        StepAction::Heal { storage, fault, fail_with } => {
            let what = fault.as_ref().or(storage.as_ref()).map_or("every storage", String::as_str);
            let how =
                fail_with.as_ref().map(|code| format!("; parked calls fail with {code}")).unwrap_or_default();
            format!("heal {what}{how}")
        }
        StepAction::Arm { fault } => format!("arm {fault}"),
        StepAction::Disarm { fault } => format!("disarm {fault}"),
        StepAction::KillTarget {} => "kill the mail server".to_owned(),
        StepAction::StopTarget {} => "stop the mail server".to_owned(),
        StepAction::StartTarget {} => "start the mail server".to_owned(),
        StepAction::PowerCut { storage, mode } => {
            format!("power cut of {}, {mode}", or_all(storage.as_ref()))
        }
        StepAction::MakeDurable { storage } => format!("make {} durable", or_all(storage.as_ref())),
        StepAction::RollBack { storage, by } => format!("roll {} back by {by}", or_all(storage.as_ref())),
        StepAction::Evict { storage } => format!("evict the cache of {}", or_all(storage.as_ref())),
        StepAction::RunCommand { argv } => format!("run {}", argv.join(" ")),
        StepAction::FrontDoor(change) => front_door_in_words(change),
        StepAction::Migrate(order) => migration_in_words(order),
        StepAction::PauseMigration {} => "pause the migration".to_owned(),
        StepAction::ResumeMigration {} => "resume the migration".to_owned(),
        StepAction::Inspect {} => "read the disk beneath".to_owned(),
        StepAction::Phase { name } => format!("phase {name}"),
    }
}

fn front_door_in_words(change: &Change) -> String {
    let Change { mail, access, admit, mail_rate, drain_rate, not_admitted_mail } = change;
    let mail = mail.as_ref().map(|policy| match policy {
        MailPolicy::Accept => "mail is passed on".to_owned(),
        MailPolicy::Hang => "mail gets no answer".to_owned(),
        MailPolicy::Tempfail(text) | MailPolicy::Reject(text) => format!("mail gets `{text}`"),
        MailPolicy::Closed => "mail is refused connections".to_owned(),
        MailPolicy::Queue(limit) => format!("mail is queued, up to {}", limit.limit),
    });
    let access = access.as_ref().map(|policy| match policy {
        AccessPolicy::Accept => "access is passed on".to_owned(),
        AccessPolicy::Hang => "access gets no answer".to_owned(),
        AccessPolicy::Refuse(text) => format!("access gets `{text}`"),
        AccessPolicy::Closed => "access is refused connections".to_owned(),
    });
    let admit = admit.as_ref().map(|admit| match admit {
        Admit::Everyone => "everyone is let in".to_owned(),
        Admit::Cohorts(names) if names.is_empty() => "nobody is let in".to_owned(),
        Admit::Cohorts(names) => format!("only {} let in", names.join(", ")),
    });
    let rates = [("deliveries", mail_rate), ("from the spool", drain_rate)];
    let rates = rates.into_iter().filter_map(|(what, rate)| Some(format!("{what} {}", rate.as_ref()?)));
    let others = not_admitted_mail.as_ref().map(|policy| match policy {
        NotAdmittedMail::Tempfail(text) | NotAdmittedMail::Reject(text) => {
            format!("mail for others gets `{text}`")
        }
        NotAdmittedMail::Queue(limit) => format!("mail for others is queued, up to {}", limit.limit),
    });
    let all: Vec<String> = mail.into_iter().chain(access).chain(admit).chain(others).chain(rates).collect();
    format!("front door: {}", all.join("; "))
}

fn migration_in_words(order: &MigrateOrder) -> String {
    let MigrateOrder { to, cohorts, tool, passes, at_once: _, every: _, final_pass, make_durable } = order;
    let whom = if cohorts.is_empty() { "every user".to_owned() } else { cohorts.join(", ") };
    let mistakes = [(final_pass, "no final pass"), (make_durable, "copies not made durable")];
    let mistakes = mistakes.iter().filter(|(done, _)| !**done).map(|(_, what)| format!(", {what}"));
    format!("migrate {whom} to {to} with {tool}, {passes} pass(es){}", mistakes.collect::<String>())
}
