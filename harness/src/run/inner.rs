//! The inner half of a run: mount, start, warm up, break things under traffic, recover, read back, tear down.

use super::arrived::Store;
use super::clients::Clients;
use super::disk_stack::Disks;
use super::placement::Placement;
use super::progress::{Live, Progress};
use super::stage::{Closing, Power, Stage};
use super::storages::Storages;
use super::volumes::Visits;
use super::{
    arrival, astray, busy, drain, ending, entrance, guard, inspection, kernel, placing, power, read_back,
    reading, recovery, settled, stage, steps, store, structure, supervise, volumes,
};
use crate::machine::grounds::Grounds;
use crate::machine::{confine, environment};
use crate::mail::workload;
use crate::mail::workload::single::Following;
use crate::mail::workload::{Context as Traffic, before, single, trial, warm_up};
use crate::server::assemble::assemble;
use crate::server::running::Target;
use anyhow::{Context, Result};
use fuse_fs::clock::Nanos;
use record::directory::{RunDirectory, read_json};
use record::history::Ingress;
use record::history::event::Event;
use record::history::recorder::Recorder;
use record::history::specimens::Specimens;
use record::plan::server::ServerKind;
use record::plan::workload::{FOLLOWING, SingleDelivery};
use record::plan::{Plan, QUEUE_VOLUME};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};

/// Carries out the plan in `directory` and records it. An error is the harness's or the environment's, never a
/// finding.
pub(crate) fn record(directory: &Path, quiet: bool) -> Result<()> {
    let directory = RunDirectory::existing(directory);
    let plan: Plan = read_json(&directory.plan())?;
    let backings: Vec<(String, PathBuf)> = read_json(&directory.places())?;
    let confinement = super::outer::confinement(&plan);
    let shown = [directory.target(), directory.mountpoints(), directory.links()];
    let grounds = Grounds::new(directory.path(), &backings, &shown);
    confine::settle(confinement, grounds.writable()).context(
        "the run's namespaces could not be set up (`fermoposta doctor` tells what this machine forbids)",
    )?;
    // A server that is not ours is not ended, and nothing of ours is mounted beneath it.
    let guarded = plan.target.definition.kind == ServerKind::Command;
    let guard = guarded.then(|| guard::start(&plan, &directory)).transpose()?;
    let disks = Disks::assemble(&plan, &directory, &backings)?;
    make_queue(&plan, &backings)?;
    let placement = Placement::of(&plan, &directory, &backings);
    placement.prepare(&plan)?;
    volumes::furnish(&plan, &backings)?;
    let storages = Arc::new(Storages::mount(&plan, &directory, &backings, disks)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let run = async || {
        let run = Run::new(plan, &directory, storages.clone(), placement, &grounds)?;
        tokio::select! {
            recorded = run.all(quiet) => recorded,
            told = ending::told(confinement) => Err(told),
        }
    };
    let recorded = catch_unwind(AssertUnwindSafe(|| runtime.block_on(run())));
    // Nothing that is still at work may start the mail server again.
    runtime.shutdown_timeout(Duration::from_secs(1));
    ending::outcome(recorded, ending::end(&storages, &directory, guard))
}

/// Before the storage is mounted, so that no power cut takes the queue's directory itself.
fn make_queue(plan: &Plan, backings: &[(String, PathBuf)]) -> Result<()> {
    let chosen = backings.iter().filter(|(name, _)| plan.target.queue.as_ref() == Some(name));
    for queue in chosen.map(|(_, backing)| backing.join(QUEUE_VOLUME)) {
        std::fs::create_dir_all(&queue).with_context(|| format!("cannot make {}", queue.display()))?;
    }
    Ok(())
}

/// No mailbox is begun again after this long: more than the two minutes that Dovecot waits for a dead lock.
const READ_LIMIT: Duration = Duration::from_secs(180);

/// Warm-up mail lies in the store within this long after it was accepted.
const WARM_UP_LIMIT: Duration = Duration::from_secs(60);

/// Warm-up mail that lies in its mailbox is shown within this long.
const READ_BACK_LIMIT: Duration = Duration::from_secs(10);

/// How long the traffic goes on after the last step, where it ends with the steps.
const LEAD_OUT: Duration = Duration::from_secs(2);

/// No step that has begun is waited for longer.
const LONGEST_STEP: Duration = Duration::from_secs(90);

struct Run {
    plan: Plan,
    traffic: Arc<Traffic>,
    stage: Arc<Stage>,
    phase: watch::Receiver<String>,
}

impl Run {
    fn new(
        plan: Plan,
        directory: &RunDirectory,
        storages: Arc<Storages>,
        placement: Placement,
        grounds: &Grounds,
    ) -> Result<Run> {
        if !plan.storages.is_empty() {
            give_to_owner(storages.named(&plan.target.storage)?.backing(), &plan)?;
        }
        let queue = plan.target.queue.as_ref().map(|name| storages.named(name)).transpose()?;
        let queue = queue.map(|storage| storage.mountpoint().join(QUEUE_VOLUME));
        let work = directory.target();
        let target = assemble(&plan, placement.store(), queue.as_deref(), &work, grounds)?;
        save_environment(&plan, directory, &storages, &target)?;
        let history = Recorder::create(&directory.history())?;
        let token = plan.run_token();
        let specimens = Specimens::new(token, directory.path().to_owned(), history.clone());
        let door = entrance::front_door(&plan, directory, &target, history.clone())?;
        let services = target.services().into_iter().map(|(service, _)| service).collect();
        let recorders = (history.clone(), specimens.clone());
        let traffic = Traffic::new(entrance::setup(&plan, token, &target, door.as_ref(), recorders)?)?;
        let (version, users) = (plan.version.clone(), traffic.setup().users.clone());
        let plan_file = Some(blake3::hash(&std::fs::read(directory.plan())?).to_hex().to_string());
        let (at, run) = (Nanos::now(), token.to_string());
        history.record(Event::Start { at, version, run, users, plan: plan_file });
        if let Some(corpus) = traffic.setup().corpus.as_ref().map(entrance::corpus_used) {
            history.record(Event::Corpus { at: Nanos::now(), corpus });
        }
        let traffic = match &plan.store {
            Some(store) => traffic.beginning_with(store::carry_over(store, token, &history)?),
            None => traffic,
        };
        let traffic = Arc::new(traffic);
        let (sender, phase) = watch::channel("start".to_owned());
        let inspect = inspection::inspector(&plan, token, placement.clone(), history.clone(), specimens);
        let store = Store {
            placement,
            layout: plan.target.definition.layout.clone(),
            users: traffic.setup().users.clone(),
            run: token,
        };
        let target = Arc::new(Mutex::new(target));
        let (power, closing, seed) = (Power::default(), watch::Sender::new(Closing::Open), plan.seed);
        let directory = directory.clone();
        let stage = Stage {
            storages,
            target,
            services,
            history,
            phase: sender,
            inspect,
            store,
            power,
            door,
            cohorts: plan.cohorts.clone(),
            migrations: stage::Migrations::default(),
            closing,
            seed,
            directory,
        };
        let stage = Arc::new(stage);
        Ok(Run { plan, traffic, stage, phase })
    }

    async fn all(self, quiet: bool) -> Result<()> {
        let load = busy::noted(&self.stage.history)?;
        let progress = (!quiet).then(|| {
            let (traffic, stage) = (self.traffic.clone(), self.stage.clone());
            tokio::spawn(show_progress(traffic, stage, self.phase.clone(), length(&self.plan)))
        });
        let pulse = tokio::spawn(crate::mail::workload::pulse::beat(self.stage.history.clone()));
        let kernel = tokio::spawn(kernel::listen(self.stage.clone()));
        let recorded = tokio::select! {
            recorded = self.phases() => recorded,
            lost = self.stage.power.is_lost() => Err(lost),
        };
        for task in [pulse, kernel] {
            task.abort();
            let _ = task.await;
        }
        if let Some(progress) = progress {
            progress.abort();
            // Aborting alone would leave the last line on the terminal.
            let _ = progress.await;
        }
        drop(load);
        recorded?;
        self.traffic.setup().specimens.finish();
        self.stage.history.record(Event::End { at: Nanos::now() });
        let path = self.stage.directory.history();
        self.stage.history.finish().with_context(|| format!("cannot write {}", path.display()))
    }

    async fn phases(&self) -> Result<()> {
        self.enter("warm-up");
        supervise::start(&self.stage).await?;
        if self.plan.workload.are_named() {
            let before = before::look(&self.traffic).await?;
            self.traffic.before.get_or_init(|| before);
        }
        let warm = warm_up::warm_up(&self.traffic).await?;
        if warm.came_to_nothing() {
            return self.nothing_to_test().await;
        }
        if self.delivers_later() {
            arrival::all(&self.stage.store, &warm.sent, WARM_UP_LIMIT).await?;
        }
        // What the front door offers changes with its policy.
        let tried = match self.plan.front_door {
            None => trial::send(&self.traffic).await,
            Some(_) => Vec::new(),
        };
        let sent = (&warm.sent[..], &tried[..]);
        read_back::check(&self.stage, &self.traffic, sent, self.read_back_limit()).await?;
        let visits = Visits::begin(&self.plan, &self.stage.storages, &self.stage.history).await?;
        tokio::task::block_in_place(|| self.stage.storages.settle())?;
        tokio::task::block_in_place(|| placing::of_all(&self.stage));
        self.enter("traffic");
        let power = self.watch_power();
        let (following, clients) = match &self.plan.workload.single {
            Some(single) => (Some(self.one_delivery(single).await), None),
            None => (None, self.traffic_under_fault().await),
        };
        self.enter("recovery");
        let recovered = recovery::recover(&self.plan, &self.stage, &self.traffic).await;
        if let Some(following) = following.filter(|left| recovered && !left.are_over()) {
            self.enter(FOLLOWING);
            recovery::follow(&self.plan, &self.traffic, following).await;
        }
        visits.end().await;
        // A power cut that a call began just before its rule was disarmed is carried out, never left half done.
        let steady = self.stage.power.steady().await;
        power.abort();
        drop(steady);
        if let Some(clients) = clients {
            clients.end(&self.stage, &self.traffic, recovered).await;
        }
        for event in self.stage.storages.rule_events() {
            self.stage.history.record(event);
        }
        let single = self.plan.workload.single.is_some();
        let limit = if single { Duration::ZERO } else { READ_LIMIT };
        self.final_reading(limit).await;
        // One of hundreds of cases does not wait for the rebuild by a server that serves nobody: it hangs, and so it is said.
        let declared = self.plan.target.definitions().any(|definition| definition.rebuild.is_some());
        // Nothing is rebuilt from what is gone.
        if declared && (recovered || !single) && !self.stage.storages.gone_for_good() {
            self.enter("rebuild");
            structure::rebuild(&self.stage, &self.traffic, limit).await?;
        }
        self.enter("tear-down");
        self.tear_down().await
    }

    /// The mail server took no mail before any fault was armed: its words are in the history, and there is no traffic.
    async fn nothing_to_test(&self) -> Result<()> {
        self.enter("tear-down");
        self.tear_down().await
    }

    /// A message that was acknowledged by SMTP may be anywhere for a while, unless its arrival was seen.
    fn read_back_limit(&self) -> Duration {
        let queued = self.plan.workload.deliver_by == Ingress::Smtp && !self.delivers_later();
        if queued { WARM_UP_LIMIT } else { READ_BACK_LIMIT }
    }

    /// An acknowledgement may come before the delivery, and arrivals can be seen.
    fn delivers_later(&self) -> bool {
        self.plan.workload.deliver_by == Ingress::Smtp && self.stage.store.readable()
    }

    /// A queue is drained before and looked into once more after it.
    async fn final_reading(&self, limit: Duration) {
        let queue = self.plan.target.definition.queue.as_ref();
        let (run, queues) = (self.traffic.setup().run, queue.is_some() || self.stage.door.is_some());
        if queues {
            self.enter("drain");
            drain::drain(&self.stage, queue, run).await;
        }
        self.enter("final-read");
        reading::read(&self.stage, &self.traffic, "final", limit).await;
        if queues {
            drain::list_again(&self.stage, run).await;
        }
    }

    fn enter(&self, phase: &str) {
        // For the test that proves that a panic leaves nothing behind.
        assert!(
            std::env::var("FERMOPOSTA_PANIC_IN").as_deref() != Ok(phase),
            "asked to panic in phase {phase}"
        );
        self.stage.history.record(Event::Phase { at: Nanos::now(), name: phase.to_owned() });
        self.stage.phase.send_replace(phase.to_owned());
    }

    /// Carries out the power cuts that faults begin.
    fn watch_power(&self) -> tokio::task::JoinHandle<()> {
        let stage = self.stage.clone();
        let needed = stage.storages.have_power_cuts();
        tokio::spawn(async move {
            if needed {
                power::watch(stage).await;
            }
        })
    }

    /// Traffic and steps begin at one instant; steps that are still waiting when the traffic ends are given up.
    /// The clients go on.
    async fn traffic_under_fault(&self) -> Option<Clients> {
        let origin = Nanos::now();
        self.stage.storages.start(origin);
        let clients = Clients::begin(&self.traffic, origin);
        let watch = tokio::spawn(supervise::watch_target(self.stage.clone()));
        let (ends, stop) = watch::channel(false);
        let mut steps = tokio::spawn(self.steps(origin, ends));
        let probe = tokio::spawn(recovery::probe(self.stage.clone(), self.traffic.clone()));
        workload::traffic::traffic(&self.traffic, origin, stop).await;
        self.stage.storages.disarm_power_cuts();
        self.stage.closing.send_replace(Closing::TrafficEnded);
        let late = tokio::time::Instant::now() + last_step(&self.plan, origin);
        tokio::select! { _ = sleep_until(late) => {} _ = &mut steps => {} }
        self.stage.closing.send_replace(Closing::Over);
        // Those under way have deadlines of their own; this one is for our own mistakes.
        if !steps.is_finished() {
            let _ = tokio::time::timeout(LONGEST_STEP, &mut steps).await;
        }
        for task in [watch, probe] {
            task.abort();
            let _ = task.await;
        }
        clients
    }

    /// Every step; whether the traffic ends after them is said by the plan.
    fn steps(&self, origin: Nanos, ends: watch::Sender<bool>) -> impl Future<Output = ()> + use<> {
        let (stage, steps) = (self.stage.clone(), self.plan.steps.clone());
        let ends = self.plan.workload.until_steps_done.then_some(ends);
        async move {
            steps::run(stage, steps, origin).await;
            if let Some(ends) = ends {
                tokio::time::sleep(LEAD_OUT).await;
                ends.send_replace(true);
            }
        }
    }

    /// The one delivery, with the rules armed from its beginning to its end, what is done next, and those that follow; returned
    /// are those that are left.
    async fn one_delivery(&self, single: &SingleDelivery) -> Following {
        let watch = tokio::spawn(supervise::watch_target(self.stage.clone()));
        let origin = Nanos::now();
        self.stage.storages.start(origin);
        let delivered = single::deliver_once(&self.traffic, single, origin).await;
        if let Some(sent) = delivered.sent.filter(|_| single.until_arrival) {
            settled::arrived(&self.stage, sent).await;
        } else if single.until_quiet && !delivered.timed_out {
            settled::at_rest(&self.stage).await;
        }
        self.stage.storages.disarm_power_cuts();
        power::settled(&self.stage, LONGEST_STEP).await;
        if let Some(then) = &single.then {
            steps::carry_out(&self.stage, self.plan.steps.len(), then, Ok(None)).await;
        }
        let mut following = Following::of(&self.traffic, single);
        if !delivered.timed_out {
            following.go_on(&self.traffic).await;
        }
        watch.abort();
        let _ = watch.await;
        following
    }

    async fn tear_down(&self) -> Result<()> {
        self.stage.storages.are_sound()?;
        let stays = self.stage.target.lock().await.stays();
        let unchecked = self.plan.workload.single.is_some() && self.plan.target.definition.check.is_empty();
        match unchecked && !stays {
            // Everything is read and nothing is checked afterwards: a stop in its own way would prove no more.
            true => supervise::kill(&self.stage).await?,
            false => structure::stop_and_check(&self.stage).await?,
        }
        kernel::heard(&self.stage);
        for problem in tokio::task::block_in_place(|| self.stage.storages.unmount()) {
            self.stage.history.record(Event::Harness { at: Nanos::now(), problem });
        }
        for found in astray::look(&self.stage.directory, self.traffic.setup().run) {
            self.stage.history.record(found);
        }
        (self.stage.inspect)(inspection::FINAL)?;
        for problem in tokio::task::block_in_place(|| self.stage.storages.take_apart()) {
            self.stage.history.record(Event::Harness { at: Nanos::now(), problem });
        }
        for closed in self.stage.storages.trace_events() {
            self.stage.history.record(closed);
        }
        Ok(())
    }
}

/// How much longer the last step at a fixed time may need once the traffic has ended.
fn last_step(plan: &Plan, origin: Nanos) -> Duration {
    let last = plan.steps.iter().filter_map(|step| step.at).max().unwrap_or_default();
    (origin + last.0).since(Nanos::now()) + Duration::from_secs(30).min(last.0)
}

/// Nominal length of the traffic.
fn length(plan: &Plan) -> Duration {
    plan.workload.stages.iter().map(|stage| stage.duration.0).sum()
}

/// The store belongs to the owner that the target's definition names, where this user may give it away.
fn give_to_owner(backing: &Path, plan: &Plan) -> Result<()> {
    let Some(owner) = plan.target.definition.owner.filter(|_| nix::unistd::geteuid().is_root()) else {
        return Ok(());
    };
    std::os::unix::fs::chown(backing, Some(owner.uid), Some(owner.gid))
        .with_context(|| format!("cannot give {} to uid {}", backing.display(), owner.uid))
}

fn save_environment(
    plan: &Plan,
    directory: &RunDirectory,
    storages: &Storages,
    target: &Target,
) -> Result<()> {
    let backings: Vec<_> = storages.iter().map(|s| (s.name().to_owned(), s.backing().to_owned())).collect();
    let version =
        if plan.target.server == "reference" { Some(plan.version.clone()) } else { target.version() };
    let text = serde_json::to_string_pretty(&environment::look(&backings, version, plan.reproduce()))?;
    std::fs::write(directory.environment(), text).context("cannot write environment.json")
}

async fn show_progress(
    traffic: Arc<Traffic>,
    stage: Arc<Stage>,
    mut phase: watch::Receiver<String>,
    length: Duration,
) {
    let mut progress = Progress::stderr();
    let begun = Nanos::now();
    let mut tick = interval(Duration::from_millis(200));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let counts = traffic.setup().progress.counts();
        let phase = phase.borrow_and_update().clone();
        let elapsed = Nanos::now().since(begun);
        let live = Live {
            phase,
            submitted: counts.submitted,
            acknowledged: counts.acknowledged,
            refused: counts.refused,
            uncertain: counts.uncertain,
            in_flight: counts.in_flight,
            fired: stage.storages.fired(),
            remaining: length.checked_sub(elapsed),
        };
        progress.update(&live, elapsed);
    }
}
