//! A step in words.

use record::plan::front_door::{AccessPolicy, Admit, Change, MailPolicy, NotAdmittedMail};
use record::plan::step::{MigrateOrder, MigrationTool, StepAction};
use reports::kit::figures::counted;

fn or_all(storage: Option<&String>) -> &str {
    storage.map_or("every storage", String::as_str)
}

/// What a step does, for the history and the reports.
pub(crate) fn in_words(action: &StepAction) -> String {
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
        MailPolicy::Closed => "connections for mail are refused".to_owned(),
        MailPolicy::Queue(limit) => format!("mail is queued, up to {}", limit.limit),
    });
    let access = access.as_ref().map(|policy| match policy {
        AccessPolicy::Accept => "access is passed on".to_owned(),
        AccessPolicy::Hang => "access gets no answer".to_owned(),
        AccessPolicy::Refuse(text) => format!("access gets `{text}`"),
        AccessPolicy::Closed => "connections for access are refused".to_owned(),
    });
    let admit = admit.as_ref().map(|admit| match admit {
        Admit::Everyone => "everyone is let in".to_owned(),
        Admit::Cohorts(names) if names.is_empty() => "nobody is let in".to_owned(),
        Admit::Cohorts(names) => format!("only {} may come in", names.join(", ")),
    });
    let rates = [("deliveries", mail_rate), ("from the spool", drain_rate)];
    let rates = rates.into_iter().filter_map(|(what, rate)| Some(format!("{what}: {}", rate.as_ref()?)));
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
    let tool = match tool {
        MigrationTool::Rsync => "rsync",
        MigrationTool::Cp => "cp",
        MigrationTool::Server => "the mail server's own tool",
    };
    let passes = counted(u64::from(*passes), "pass", "passes");
    format!("migrate {whom} to {to} with {tool}, {passes}{}", mistakes.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step of each kind, with all that it can say.
    const STEPS: &str = r#"
heal = {}
heal = { storage = "new" }
heal = { storage = "new", fault = "threshold", fail-with = "EIO" }
arm = { fault = "threshold" }
disarm = { fault = "threshold" }
kill-target = {}
stop-target = {}
start-target = {}
power-cut = {}
power-cut = { storage = "new", mode = "drop-unsynced" }
make-durable = { storage = "new" }
roll-back = { by = "1m 30s" }
evict = {}
run-command = { argv = ["sync", "-f"] }
front-door = { mail = "accept", access = "accept", admit = "everyone", mail-rate = "unlimited", drain-rate = "unlimited" }
front-door = { mail = "hang", access = "hang", admit.cohorts = [] }
front-door = { mail = "closed", access = "closed", admit.cohorts = ["first", "second"] }
front-door = { mail.tempfail = "451 4.3.2 later", access.refuse = "closed for repair", mail-rate = "2.5/s" }
front-door = { mail.reject = "552 5.2.2 full", not-admitted-mail.tempfail = "451 4.2.1 not yet" }
front-door = { mail.queue.limit = "20 MB", drain-rate = "20/s", not-admitted-mail.queue.limit = "1 MiB" }
front-door = { not-admitted-mail.reject = "550 5.1.1 gone" }
migrate = { to = "new" }
migrate = { to = "new", cohorts = ["first", "second"], tool = "server", passes = 2, at-once = 4, every = "1m" }
migrate = { to = "new", passes = 0, final-pass = true, make-durable = false }
migrate = { to = "new", final-pass = false }
pause-migration = {}
resume-migration = {}
inspect = {}
phase = { name = "onset" }
"#;

    #[derive(serde::Deserialize)]
    struct Written {
        step: StepAction,
    }

    #[test]
    fn every_step_has_its_words() {
        let words = |line: &str| {
            let text = format!("step.{line}");
            in_words(&toml::from_str::<Written>(&text).expect("a step").step)
        };
        let all: Vec<String> = STEPS.trim().lines().map(words).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        heal every storage
        heal new
        heal threshold; parked calls fail with EIO
        arm threshold
        disarm threshold
        kill the mail server
        stop the mail server
        start the mail server
        power cut of every storage, random
        power cut of new, drop-unsynced
        make new durable
        roll every storage back by 1m 30s
        evict the cache of every storage
        run sync -f
        front door: mail is passed on; access is passed on; everyone is let in; deliveries: unlimited; from the spool: unlimited
        front door: mail gets no answer; access gets no answer; nobody is let in
        front door: connections for mail are refused; connections for access are refused; only first, second may come in
        front door: mail gets `451 4.3.2 later`; access gets `closed for repair`; deliveries: 2.5/s
        front door: mail gets `552 5.2.2 full`; mail for others gets `451 4.2.1 not yet`
        front door: mail is queued, up to 19.1 MiB; mail for others is queued, up to 1.0 MiB; from the spool: 20/s
        front door: mail for others gets `550 5.1.1 gone`
        migrate every user to new with rsync, 1 pass
        migrate first, second to new with the mail server's own tool, 2 passes
        migrate every user to new with rsync, 0 passes, copies not made durable
        migrate every user to new with rsync, 1 pass, no final pass
        pause the migration
        resume the migration
        read the disk beneath
        phase onset
        ");
    }
}
