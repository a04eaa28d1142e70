//! Users move from one storage to another while mail arrives and clients read.
//!
//! One user at a time is on its way (or a few): its mail is copied while it is served; then the front door lets nobody in
//! for it and waits until nothing of it is under way; what changed is copied; all of it is made durable; the user's link is
//! switched; the door opens. Each of these is an event of the history, so that a run that was killed says in which state
//! each user is. A user that cannot be moved stays where it was and is served from there; the next one is tried.
//!
//! The copies are made by a process of its own, a real tool: it waits in calls that a storage holds back as long as they
//! are held, and the step with it.

#[cfg(test)]
mod tests;

use super::placement::Placement;
use super::stage::{Closing, Stage};
use crate::machine::capabilities;
use anyhow::{Context, Result, anyhow, bail};
use fuse_fs::clock::Nanos;
use record::history::UserId;
use record::history::event::{Event, MigrationState};
use record::plan::CohortPlan;
use record::plan::step::{MigrateOrder, MigrationTool};
use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

/// Where the output of the copying tools goes, below the run directory.
const LOG: &str = "migration.log";

/// What is under way of a user must have ended this long after nobody is let in any more.
const QUIET_LIMIT: Duration = Duration::from_secs(20);

/// One user's way.
struct Move {
    step: usize,
    user: UserId,
    name: String,
    from: String,
    to: String,
}

/// Moves the users of step `index`, in the order of their cohorts, once no other step's migration is under way.
///
/// # Errors
/// Some could not be moved: how many, and why the first.
pub(crate) async fn migrate(stage: &Arc<Stage>, index: usize, order: &MigrateOrder) -> Result<()> {
    let _turn = stage.migrations.turn.lock().await;
    let (users, placement) = (&stage.store.users, &stage.store.placement);
    let mut waiting = chosen(&stage.cohorts, users, placement, index, order)?.into_iter();
    let all = waiting.len();
    let (mut under_way, mut failed) = (JoinSet::new(), Vec::new());
    let (mut begun, mut due) = (0, Instant::now());
    loop {
        while under_way.len() < order.at_once as usize && may_begin(stage, due).await {
            let Some(one) = waiting.next() else { break };
            begun += 1;
            due = Instant::now() + order.every.unwrap_or_default().0;
            let (stage, order) = (stage.clone(), order.clone());
            under_way.spawn(async move { move_user(&stage, &order, &one).await });
        }
        match under_way.join_next().await {
            None => break,
            Some(moved) => failed.extend(moved.map_err(anyhow::Error::from).and_then(|moved| moved).err()),
        }
    }
    summed_up(all, begun, &failed)
}

fn summed_up(all: usize, begun: usize, failed: &[anyhow::Error]) -> Result<()> {
    match (failed.first(), all - begun) {
        (None, 0) => Ok(()),
        (None, left) => bail!("{left} of {all} users were not begun when the traffic ended"),
        (Some(first), _) => bail!("{} of {all} users were not moved; the first: {first:#}", failed.len()),
    }
}

/// Waits for the time of the next user, and while the migration is paused or the power is off; false once the traffic
/// has ended.
async fn may_begin(stage: &Stage, due: Instant) -> bool {
    let mut closing = stage.closing.subscribe();
    let in_time = tokio::select! {
        () = sleep_until(due) => true,
        _ = closing.wait_for(|closing| *closing > Closing::Open) => false,
    };
    drop(stage.power.steady().await);
    in_time && stage.migrations.over(&stage.closing).await
}

/// Users of the order who are not yet there.
fn chosen(
    cohorts: &[CohortPlan],
    users: &[String],
    placement: &Placement,
    step: usize,
    order: &MigrateOrder,
) -> Result<Vec<Move>> {
    let named = order.cohorts.iter().filter_map(|name| cohorts.iter().find(|cohort| cohort.name == *name));
    let chosen: Vec<UserId> = match order.cohorts.is_empty() {
        true => cohorts.iter().flat_map(CohortPlan::user_ids).collect(),
        false => named.flat_map(CohortPlan::user_ids).collect(),
    };
    let mut moves = Vec::new();
    for user in chosen {
        let name = users.get(user.0 as usize).context("a cohort names users that are not there")?;
        let from = placement.storage_of(name)?;
        if from != order.to {
            moves.push(Move { step, user, name: name.clone(), from, to: order.to.clone() });
        }
    }
    Ok(moves)
}

async fn move_user(stage: &Stage, order: &MigrateOrder, one: &Move) -> Result<()> {
    let moved = copy_and_switch(stage, order, one).await.with_context(|| one.name.clone());
    if let Err(error) = &moved {
        note(stage, one, MigrationState::Back, Some(format!("{error:#}")));
    }
    if let Some(door) = &stage.door {
        door.release(&BTreeSet::from([one.name.clone()]));
    }
    moved
}

async fn copy_and_switch(stage: &Stage, order: &MigrateOrder, one: &Move) -> Result<()> {
    note(stage, one, MigrationState::Copying, None);
    for _ in 0..order.passes {
        copy(stage, order, one, true).await?;
    }
    let door = stage.door.as_ref().context("there is no front door to keep everybody out")?;
    note(stage, one, MigrationState::Held, None);
    let held = door.hold(&BTreeSet::from([one.name.clone()]), QUIET_LIMIT).await;
    held.map_err(|awaited| anyhow!(awaited))?;
    if order.final_pass {
        copy(stage, order, one, false).await?;
    }
    if order.make_durable {
        let to = stage.store.placement.mounted(&one.name, &one.to)?;
        let argv = ["/proc/self/exe".to_owned(), "__sync-tree".to_owned(), to.display().to_string()];
        run(stage, spawned(stage, &argv)?, "making the copies durable", None).await?;
    }
    block_in_place(|| stage.store.placement.switch(&one.name, &one.to))?;
    note(stage, one, MigrationState::Switched, None);
    Ok(())
}

fn note(stage: &Stage, one: &Move, state: MigrationState, detail: Option<String>) {
    let detail = detail.map(|text| crate::mail::client::sanitise(text.as_bytes()));
    let (step, user, from, to) = (one.step, one.user, one.from.clone(), one.to.clone());
    stage.history.record(Event::Migration { at: Nanos::now(), step, user, from, to, state, detail });
}

/// What rsync answers when a file that it had listed is gone: a mail server that is at work renames and removes.
const VANISHED: i32 = 24;

/// Makes the user's directory on the new storage what it is on the old one.
async fn copy(stage: &Stage, order: &MigrateOrder, one: &Move, served: bool) -> Result<()> {
    let placement = &stage.store.placement;
    let (from, to) = (placement.mounted(&one.name, &one.from)?, placement.mounted(&one.name, &one.to)?);
    match order.tool {
        MigrationTool::Rsync => {
            // Without nanoseconds a file that changed twice within a second and kept its size counts as unchanged.
            let argv = ["rsync", "-aH", "--delete", "--modify-window=-1", &slashed(&from), &slashed(&to)];
            let child = spawned(stage, &argv.map(str::to_owned))?;
            run(stage, child, "rsync", served.then_some(VANISHED)).await
        }
        MigrationTool::Cp => {
            // What an earlier try left there would come back as mail.
            let empty = ["rm", "-rf", "--", &to.display().to_string()].map(str::to_owned);
            run(stage, spawned(stage, &empty)?, "rm", None).await?;
            let argv = ["cp", "-a", "--", &from.display().to_string(), &to.display().to_string()];
            run(stage, spawned(stage, &argv.map(str::to_owned))?, "cp", None).await
        }
        MigrationTool::Server => {
            let log = log(stage)?;
            let child = stage.target.lock().await.begin_migration(&one.name, &from, &to, log)?;
            run(stage, child, "the mail server's own tool", None).await?;
            let [old, new] = [&one.from, &one.to].map(|storage| placement.beneath(&one.name, storage));
            let kept = block_in_place(|| super::owners::kept(&old?, &new?));
            kept.context("the mail server's own tool")
        }
    }
}

/// As rsync wants a directory whose content is meant.
fn slashed(path: &Path) -> String {
    format!("{}/", path.display())
}

fn log(stage: &Stage) -> Result<std::fs::File> {
    let path = stage.directory.path().join(LOG);
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn spawned(stage: &Stage, argv: &[String]) -> Result<Child> {
    let log = log(stage)?;
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env("FERMOPOSTA_SELF", "1").stdin(Stdio::null());
    command.stdout(log.try_clone()?).stderr(log);
    // SAFETY: the closure makes system calls in the forked child and takes no memory.
    unsafe { command.pre_exec(capabilities::keep_those_of_servers) };
    command.spawn().map_err(|error| anyhow!("cannot run {}: {error}", argv[0]))
}

/// Waits for a tool's end, however long a storage holds it; when the run is over it is killed. `harmless` is an exit code
/// that is no failure.
async fn run(stage: &Stage, mut child: Child, what: &str, harmless: Option<i32>) -> Result<()> {
    let mut tick = interval(Duration::from_millis(2));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut closing = stage.closing.subscribe();
    let ended: ExitStatus = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if *closing.borrow_and_update() == Closing::Over {
            return given_up(&mut child, what).await;
        }
        tick.tick().await;
    };
    judged(ended, what, harmless)
}

fn judged(ended: ExitStatus, what: &str, harmless: Option<i32>) -> Result<()> {
    if !ended.success() && (harmless.is_none() || ended.code() != harmless) {
        bail!("{what} failed ({ended}); its output is in {LOG} in the run directory");
    }
    Ok(())
}

/// Kills it and waits a little: one that waits in a call that a storage holds back ends with the mount.
async fn given_up(child: &mut Child, what: &str) -> Result<()> {
    child.kill()?;
    let deadline = Instant::now() + Duration::from_secs(2);
    let mut tick = interval(Duration::from_millis(2));
    while child.try_wait()?.is_none() && Instant::now() < deadline {
        tick.tick().await;
    }
    bail!("{what} was still at work when the run was over, and was killed")
}
