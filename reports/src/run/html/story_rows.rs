//! What a story adds to the page: statements, senders, classes of clients, migrations, each as the cells of a table.

use crate::run::senders;
use crate::run::story_words;

use crate::kit::figures::{Clock, Timed, grouped, share};
use crate::kit::page::class;
use crate::run::model::{ClientClass, Migration, Report, Sender, Statement};

/// Users of a migration named with what went wrong; the rest is counted.
const MOST_TROUBLE: usize = 50;

/// The tables; those without rows are not shown.
pub(super) struct Story<'a> {
    pub(super) statements: Vec<StatementRow<'a>>,
    pub(super) hold: String,
    pub(super) senders: Vec<SenderRow>,
    pub(super) sum_rule: String,
    pub(super) adds_up: bool,
    pub(super) clients: Vec<ClientRow<'a>>,
    pub(super) migrations: Vec<MigrationRow<'a>>,
}

pub(super) struct StatementRow<'a> {
    pub(super) statement: &'a Statement,
    pub(super) word: &'static str,
    pub(super) class: &'static str,
}

pub(super) struct SenderRow {
    pub(super) name: String,
    pub(super) counts: [String; 7],
    pub(super) delays: [Timed; 3],
}

pub(super) struct ClientRow<'a> {
    pub(super) class: &'a ClientClass,
    pub(super) clients: String,
    pub(super) served: String,
    pub(super) down: Timed,
    pub(super) healthy_again: Timed,
}

pub(super) struct MigrationRow<'a> {
    pub(super) migration: &'a Migration,
    pub(super) counts: [String; 4],
    pub(super) times: [Timed; 2],
    pub(super) held: [Timed; 3],
    pub(super) trouble: &'a [(String, String)],
    pub(super) more: usize,
}

impl<'a> Story<'a> {
    pub(super) fn of(report: &'a Report) -> Story<'a> {
        let clock = report.run.clock();
        Story {
            statements: report.statements.iter().map(statement).collect(),
            hold: story_words::hold(&report.statements),
            senders: senders(&report.senders, clock),
            adds_up: senders::holds(&report.senders),
            sum_rule: senders::sum_rule(&report.senders),
            clients: report.clients.iter().map(|one| client(one, clock)).collect(),
            migrations: report.migrations.iter().map(|one| migration(one, clock)).collect(),
        }
    }
}

fn statement(statement: &Statement) -> StatementRow<'_> {
    StatementRow { statement, word: story_words::answer(statement.verdict), class: class(statement.verdict) }
}

/// Each kind, and all together.
fn senders(senders: &[Sender], clock: Clock) -> Vec<SenderRow> {
    if senders.is_empty() {
        return Vec::new();
    }
    senders.iter().chain([&senders::total(senders)]).map(|one| sender(one, clock)).collect()
}

fn sender(sender: &Sender, clock: Clock) -> SenderRow {
    SenderRow {
        name: sender.name.clone(),
        counts: story_words::fates(sender),
        delays: story_words::delays(sender, clock),
    }
}

fn client(class: &ClientClass, clock: Clock) -> ClientRow<'_> {
    ClientRow {
        class,
        clients: grouped(class.clients),
        served: share(class.served, class.asked),
        down: story_words::down(class, clock),
        healthy_again: story_words::healthy_again(class, clock),
    }
}

fn migration(migration: &Migration, clock: Clock) -> MigrationRow<'_> {
    let shown = migration.trouble.len().min(MOST_TROUBLE);
    MigrationRow {
        migration,
        counts: story_words::places(migration),
        times: story_words::ends(migration, clock),
        held: story_words::held(migration, clock),
        trouble: &migration.trouble[..shown],
        more: migration.trouble.len() - shown,
    }
}
