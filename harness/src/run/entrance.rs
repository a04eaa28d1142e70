//! Where clients come in: at the mail server itself, or at the front door before it; and what they bring.

use crate::front_door;
use crate::front_door::FrontDoor;
use crate::mail::message::corpus::Corpus;
use crate::mail::message::fit::Change;
use crate::mail::workload::{Apart, Endpoints, Setup};
use crate::server::running::Target;
use crate::server::services::Services;
use anyhow::Result;
use record::directory::RunDirectory;
use record::history::corpus::CorpusUsed;
use record::history::recorder::Recorder;
use record::history::specimens::Specimens;
use record::history::token::RunToken;
use record::history::{Ingress, Protocol, UserId};
use record::plan::server::When;
use record::plan::{CohortPlan, Plan};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Time between two tries at delivering a message from the front door's spool.
const SPOOL_PAUSE: Duration = Duration::from_millis(500);

/// The front door waits at least this long for a client or for the mail server.
const DOOR_PATIENCE: Duration = Duration::from_secs(5);

fn endpoints(services: Services) -> Endpoints {
    let mut endpoints = Endpoints::default();
    for (service, endpoint) in services {
        match service {
            "lmtp" => endpoints.lmtp = Some(endpoint),
            "smtp" => endpoints.smtp = Some(endpoint),
            _ => endpoints.imap = Some(endpoint),
        }
    }
    endpoints
}

fn of_the_door(door: &FrontDoor) -> Services {
    door.services().into_iter().map(|(service, address)| (service, address.into())).collect()
}

/// What the traffic needs, from the plan.
pub(crate) fn setup(
    plan: &Plan,
    run: RunToken,
    target: &Target,
    door: Option<&FrontDoor>,
    (history, specimens): (Recorder, Specimens),
) -> Result<Setup> {
    let own = endpoints(target.services());
    let apart = plan.cohorts.iter().filter(|cohort| cohort.own_entrance);
    let apart = Apart { users: apart.flat_map(CohortPlan::user_ids).collect(), endpoints: own.clone() };
    let users: Vec<String> = plan.workload.user_names().collect();
    let everybody: Vec<&str> = users.iter().map(String::as_str).chain(plan.workload.bounce_user()).collect();
    let accounts = super::accounts::of(&plan.target.definition, &everybody)?;
    Ok(Setup {
        plan: Arc::new(plan.workload.clone()),
        seed: plan.workload_seed(),
        run,
        users,
        endpoints: door.map_or(own, |door| endpoints(of_the_door(door))),
        apart: door.map(|_| apart),
        is_relayed: plan.target.companions.iter().any(|(when, _)| *when == When::Always),
        logins: plan.target.logins(),
        password: plan.target.definition.password.clone(),
        accounts,
        domain: plan.target.definition.domain.clone(),
        archive: plan.target.definition.second_mailbox.clone(),
        history,
        specimens,
        story_scale: plan.story_scale.unwrap_or(1.0),
        progress: Arc::default(),
        corpus: plan.workload.corpus.as_deref().map(corpus).transpose()?,
    })
}

/// What is taken of real mail, for the history.
pub(crate) fn corpus_used(corpus: &Corpus) -> CorpusUsed {
    let of = |change| corpus.changed().get(&change).cloned().unwrap_or_default();
    CorpusUsed {
        messages: corpus.len() as u64,
        left_out: corpus.skipped().reasons.clone(),
        first_left_out: corpus.skipped().first.first().cloned(),
        taken_off: of(Change::TakenOff),
        put_aside: of(Change::PutAside),
        completed: of(Change::Completed),
    }
}

/// Loads real mail and says what of it cannot be sent.
fn corpus(path: &Path) -> Result<Corpus> {
    let corpus = Corpus::load(path)?;
    let skipped = corpus.skipped();
    if let Some(first) = skipped.first.first() {
        let (sent, left_out) = (corpus.len(), skipped.count);
        crate::exit::tell!(
            "corpus: {sent} messages; {left_out} files or messages are left out, the first: {}",
            reports::kit::inert::inert(first)
        );
    }
    Ok(corpus)
}

/// The gateway before the mail server, closed to nobody.
pub(crate) fn front_door(
    plan: &Plan,
    directory: &RunDirectory,
    target: &Target,
    history: Recorder,
) -> Result<Option<FrontDoor>> {
    let Some(door) = plan.front_door else { return Ok(None) };
    let names: Vec<String> = plan.workload.user_names().collect();
    let name = |user: UserId| names.get(user.0 as usize).cloned();
    let members = |cohort: &CohortPlan| cohort.user_ids().filter_map(name).collect();
    let protocol = match plan.workload.deliver_by {
        Ingress::Lmtp => Protocol::Lmtp,
        Ingress::Smtp | Ingress::Append => Protocol::Smtp,
    };
    let backends = target.services();
    FrontDoor::open(front_door::Setup {
        backends: backends.into_iter().map(|(service, at)| (service, at.address().to_owned())).collect(),
        protocol,
        cohorts: plan.cohorts.iter().map(|cohort| (cohort.name.clone(), members(cohort))).collect(),
        spool: directory.spool(),
        lifetime: door.lifetime.map(|span| span.0),
        retry_pause: SPOOL_PAUSE,
        history,
        timeout: plan.workload.timeout.0.max(DOOR_PATIENCE),
    })
    .map(Some)
}
