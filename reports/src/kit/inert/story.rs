//! The strings of a story: of senders, statements, clients and migrations, and of tables made from them.

use super::clean as inert;
use crate::policies::{Policies, Policy, PolicyRow};
use crate::run::{ClientClass, Migration, Sender, Statement};

pub(super) fn clean(
    senders: &mut [Sender],
    statements: &mut [Statement],
    clients: &mut [ClientClass],
    migrations: &mut [Migration],
) {
    for Sender {
        name,
        submitted: _,
        stored: _,
        late: _,
        queued: _,
        bounced: _,
        given_up: _,
        lost: _,
        told_wrongly: _,
        delay: _,
    } in senders
    {
        inert(name);
    }
    for Statement { id, required, seen, verdict: _ } in statements {
        [id, required, seen].into_iter().for_each(inert);
    }
    for ClientClass {
        name,
        clients: _,
        asked: _,
        served: _,
        down_s: _,
        healthy_again_s: _,
        availability: _,
    } in clients
    {
        inert(name);
    }
    for Migration {
        from,
        to,
        users: _,
        switched: _,
        back: _,
        between: _,
        from_s: _,
        to_s: _,
        held: _,
        trouble,
    } in migrations
    {
        [from, to].into_iter().for_each(inert);
        for (user, why) in trouble {
            inert(user);
            inert(why);
        }
    }
}

/// Names of policies come from a scenario, those of senders from a file.
#[must_use]
pub fn policies(policies: &Policies) -> Policies {
    let mut policies = policies.clone();
    let Policies {
        schema_version: _,
        title,
        verdict: _,
        scenario,
        target,
        policies: runs,
        rows,
        scale: _,
        version,
        reproduce,
    } = &mut policies;
    [title, scenario, target, version, reproduce].into_iter().for_each(inert);
    for PolicyRow {
        policy,
        verdict: _,
        sender,
        submitted: _,
        stored: _,
        late: _,
        queued: _,
        bounced: _,
        given_up: _,
        lost: _,
        delay_p95_s: _,
    } in rows
    {
        [policy, sender].into_iter().for_each(inert);
    }
    for Policy { name, about, verdict: _, sentence, sum_rule, directory, reproduce } in runs {
        [name, about, sentence, sum_rule, directory, reproduce].into_iter().for_each(inert);
    }
    policies
}
