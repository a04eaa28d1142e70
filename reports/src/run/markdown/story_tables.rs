//! What a story adds to the Markdown summary.

use crate::run::senders;
use crate::run::story_words;

use crate::kit::figures::{Clock, grouped, share};
use crate::kit::markdown::escaped;
use crate::run::model::{ClientClass, Migration, Report, Sender, Statement};

/// Users of a migration named with what went wrong; the rest is counted.
const MAX_TROUBLE: usize = 10;

pub(super) fn tables(report: &Report) -> String {
    let clock = report.run.clock();
    [
        statements(&report.statements),
        senders(&report.senders, clock),
        clients(&report.clients, clock),
        migrations(&report.migrations, clock),
    ]
    .concat()
}

/// A table and what is said after it; nothing without rows.
fn table(head: &str, rows: &[Vec<String>], after: &str) -> String {
    if rows.is_empty() { String::new() } else { super::table::table(head, rows) + after }
}

fn statements(statements: &[Statement]) -> String {
    let row = |one: &Statement| {
        let answer = story_words::answer(one.verdict).to_owned();
        vec![escaped(&one.id), answer, escaped(&one.required), escaped(&one.seen)]
    };
    let rows: Vec<Vec<String>> = statements.iter().map(row).collect();
    let hold = format!("Statements: {}.\n\n", story_words::hold(statements));
    table("| Statement | Answer | Required | Seen |\n|---|---|---|---|", &rows, &hold)
}

fn senders(senders: &[Sender], clock: Clock) -> String {
    let row = |one: &Sender| {
        let delays = story_words::delays(one, clock).map(|time| time.to_string());
        std::iter::once(escaped(&one.name)).chain(story_words::fates(one)).chain(delays).collect()
    };
    let total = (!senders.is_empty()).then(|| senders::total(senders));
    let rows: Vec<Vec<String>> = senders.iter().chain(&total).map(row).collect();
    table(
        "| Sender | Submitted | Stored | Of these late | Queued | Bounced | Given up | Lost | Delay p50 | p95 | max |\n\
         |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        &rows,
        &format!("Sum rule: {}\n\n", escaped(&senders::sum_rule(senders))),
    )
}

fn clients(clients: &[ClientClass], clock: Clock) -> String {
    let row = |one: &ClientClass| {
        let served = share(one.served, one.asked);
        let times = [story_words::down(one, clock), story_words::healthy_again(one, clock)]
            .map(|time| time.to_string());
        [escaped(&one.name), grouped(one.clients), served].into_iter().chain(times).collect()
    };
    let rows: Vec<Vec<String>> = clients.iter().map(row).collect();
    table(
        "| Clients | How many | Served | First not served | All served again |\n|---|--:|--:|--:|--:|",
        &rows,
        "",
    )
}

fn migrations(migrations: &[Migration], clock: Clock) -> String {
    let row = |one: &Migration| {
        let times = story_words::ends(one, clock).into_iter().chain(story_words::held(one, clock));
        let names = [escaped(&one.from), escaped(&one.to)].into_iter();
        names.chain(story_words::places(one)).chain(times.map(|time| time.to_string())).collect()
    };
    let rows: Vec<Vec<String>> = migrations.iter().map(row).collect();
    let trouble: String = migrations.iter().map(troubles).collect();
    let after = if trouble.is_empty() { trouble } else { format!("{trouble}\n") };
    table(
        "| Migrated from | to | Users | Switched | Back | Between | Begun | Last switched | Held p50 | p99 | max |\n\
         |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
        &rows,
        &after,
    )
}

fn troubles(migration: &Migration) -> String {
    let shown = migration.trouble.iter().take(MAX_TROUBLE);
    let lines = shown.map(|(user, why)| format!("- Not migrated: {}: {}\n", escaped(user), escaped(why)));
    let more = migration.trouble.len().saturating_sub(MAX_TROUBLE) as u64;
    lines.chain((more > 0).then(|| format!("- And {} more.\n", grouped(more)))).collect()
}

#[cfg(test)]
mod tests {
    use crate::run::samples;

    use super::*;

    #[test]
    fn everything_of_a_story_is_there() {
        insta::assert_snapshot!(tables(&samples::story()), @"
        | Statement | Answer | Required | Seen |
        |---|---|---|---|
        | L1 | holds | The new storage is correct and fast for a while before it fails. | 8,120 calls without an error, the slowest in 3.1 ms. |
        | L5 | DOES NOT HOLD | Clients see time-outs, not errors. | 212 of 214 operations timed out, 2 were refused. |
        | L14 | cannot tell | Stateless sessions are served before held ones. | No held session was open when the storage came back. |

        Statements: 1 of 3 hold.

        | Sender | Submitted | Stored | Of these late | Queued | Bounced | Given up | Lost | Delay p50 | p95 | max |
        |---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
        | postfix | 1,500 | 1,486 | 402 | 3 | 0 | 11 | 0 | 4.30 ms (31.0 s) | 31.2 s (62 h 30 min) | 41.2 s (82 h 24 min) |
        | exchange-online | 900 | 865 | 0 | 0 | 35 | 0 | 0 | - | - | - |
        | all | 2,400 | 2,351 | 402 | 3 | 35 | 11 | 0 | - | - | - |

        Sum rule: submitted 2,400 = stored 2,351 + queued 3 + bounced 35 + given up 11 + lost 0

        | Clients | How many | Served | First not served | All served again |
        |---|--:|--:|--:|--:|
        | webmail | 20 | 50 % | 9.020 s (day 1, 18:02) | 50.500 s (day 5, 05:00) |
        | held | 20 | 50 % | 9.400 s (day 1, 18:48) | not by the end |

        | Migrated from | to | Users | Switched | Back | Between | Begun | Last switched | Held p50 | p99 | max |
        |---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|
        | old | new | 200 | 150 | 49 | 1 | 1.000 s (day 1, 02:00) | 8.900 s (day 1, 17:48) | 21.0 ms (2 min 31 s) | 900 ms (1 h 48 min) | 35.4 s (70 h 48 min) |

        - Not migrated: user151: rsync did not end within 30 s
        ");
    }

    #[test]
    fn a_run_without_a_story_has_none_of_it() {
        assert_eq!(tables(&samples::valid()), "");
    }
}
