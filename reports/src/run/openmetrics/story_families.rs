//! What a story adds: senders, clients and migrations.

use super::family::Family;
use super::sample::{Labels, Sample, of, one, quantiles};
use crate::run::model::{ClientClass, Migration, Report, Sender};

pub(super) const FAMILIES: &[Family] = &[
    Family {
        name: "fermoposta_sender_submitted",
        help: "Messages that each kind of sender took over from their authors.",
        samples: |report| report.senders.iter().map(|all| one("sender", &all.name, all.submitted)).collect(),
    },
    Family {
        name: "fermoposta_sender_messages",
        help: "What became of them, each counted once: the sum is what was submitted.",
        samples: |report| report.senders.iter().flat_map(fates).collect(),
    },
    Family {
        name: "fermoposta_sender_late",
        help: "Of the stored: not at the first attempt.",
        samples: |report| report.senders.iter().map(|all| one("sender", &all.name, all.late)).collect(),
    },
    Family {
        name: "fermoposta_sender_told_wrongly",
        help: "Of the stored: the author was told that it was not delivered.",
        samples: |report| {
            report.senders.iter().map(|all| one("sender", &all.name, all.told_wrongly)).collect()
        },
    },
    Family {
        name: "fermoposta_sender_delay_seconds",
        help: "From submission to acknowledgement, of the stored: seconds of the run.",
        samples: |report| {
            let all = report.senders.iter();
            all.flat_map(|one| quantiles(&Labels::default().with("sender", &one.name), one.delay)).collect()
        },
    },
    Family {
        name: "fermoposta_clients",
        help: "How many clients there are of each class.",
        samples: |report| report.clients.iter().map(|all| one("class", &all.name, all.clients)).collect(),
    },
    Family {
        name: "fermoposta_clients_asked",
        help: "How often a class was asked whether it is served.",
        samples: |report| report.clients.iter().map(|all| one("class", &all.name, all.asked)).collect(),
    },
    Family {
        name: "fermoposta_clients_served",
        help: "How often it was.",
        samples: |report| report.clients.iter().map(|all| one("class", &all.name, all.served)).collect(),
    },
    Family {
        name: "fermoposta_clients_down_seconds",
        help: "When the first of a class was not served, from the start of the traffic; absent if all were.",
        samples: |report| moments(report, |class| class.down_s),
    },
    Family {
        name: "fermoposta_clients_healthy_again_seconds",
        help: "From when on all of a class were served again; absent if that did not come.",
        samples: |report| moments(report, |class| class.healthy_again_s),
    },
    Family {
        name: "fermoposta_migration_users",
        help: "Users of each migration by where they are served at the end.",
        samples: |report| migrations(report, places),
    },
    Family {
        name: "fermoposta_migration_held_seconds",
        help: "How long a user was not let in: seconds of the run.",
        samples: |report| migrations(report, |labels, migration| quantiles(labels, migration.held)),
    },
];

fn fates(sender: &Sender) -> [Sample; 5] {
    let fates = [
        ("stored", sender.stored),
        ("queued", sender.queued),
        ("bounced", sender.bounced),
        ("given-up", sender.given_up),
        ("lost", sender.lost),
    ];
    fates.map(|(fate, number)| of(Labels::default().with("sender", &sender.name).with("fate", fate), number))
}

fn moments(report: &Report, of: fn(&ClientClass) -> Option<f64>) -> Vec<Sample> {
    report.clients.iter().filter_map(|class| Some(one("class", &class.name, of(class)?))).collect()
}

/// Numbered, for users may move between two storages more than once.
fn migrations(report: &Report, samples: fn(&Labels, &Migration) -> Vec<Sample>) -> Vec<Sample> {
    let numbered = (1..).zip(&report.migrations);
    let labelled = numbered.map(|(number, one): (u64, _)| {
        let labels = Labels::default().with("migration", number);
        (labels.with("from", &one.from).with("to", &one.to), one)
    });
    labelled.flat_map(|(labels, migration)| samples(&labels, migration)).collect()
}

fn places(labels: &Labels, migration: &Migration) -> Vec<Sample> {
    let places = [("new", migration.switched), ("old", migration.back), ("between", migration.between)];
    places.map(|(place, users)| of(labels.clone().with("place", place), users)).into()
}
