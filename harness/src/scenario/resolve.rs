//! From what a file says to what a run does: defaults filled in, names resolved, every contradiction found.

use super::clients;
use super::errors::Trouble;
use super::file::{Fault, Scenario, Workload};
use super::names::{fault_names, storage_of};
use super::overrides::Overrides;
use super::places::Places;
use super::troubles::Troubles;
use super::{cohorts, devices, external, senders, statements, steps, storages, story};
use crate::server::find;
use fuse_fs::rules::effects::Effect;
use fuse_fs::rules::rule::Rule;
use fuse_fs::units::{Bytes, Span};
use record::history::{Ingress, Protocol};
use record::plan::server::{Definition, Layout};
use record::plan::step::StepAction;
use record::plan::workload::{Mix, SingleDelivery, Sizes, Stage, WorkloadPlan};
use record::plan::{FrontDoorPlan, Plan, StoragePlan, TargetPlan};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// `incomplete` are tables of the file of which nothing is said.
pub(super) fn resolve(
    path: &Path,
    text: &str,
    mut scenario: Scenario,
    overrides: &Overrides,
    incomplete: Vec<String>,
) -> Result<Plan, Vec<Trouble>> {
    let mut found = Troubles::new(Places::new(text), incomplete);
    if scenario.name.trim().is_empty() {
        found.add("name", "the name is empty", "name the scenario: reports and run directories use it");
    }
    let story_scale = story::to_run_time(&mut scenario, &mut found);
    found.story_scale = story_scale;
    let mut storages = storages::storages(&scenario, overrides, &mut found);
    faults(&scenario.fault, &mut storages, &mut found);
    let target = target(path, &scenario, overrides, &storages, &mut found);
    if let Some(target) = &target {
        devices::in_namespaces(target, &storages, &mut found);
    }
    let named = target.as_ref().and_then(|target| external::named(&scenario, target, overrides, &mut found));
    let external = named.is_some();
    if external {
        storages.clear();
    }
    let users = named.as_ref().map_or_else(|| cohorts::users(&scenario, &mut found), external::Named::count);
    let on = target.as_ref().map(|target| target.storage.as_str());
    let cohorts = cohorts::cohorts(&scenario, &storages, on, &mut found);
    let senders = senders::senders(path, &scenario.workload, scenario.time.is_some(), &mut found);
    let workload = workload(path, &scenario.workload, users, overrides, target.as_ref(), &mut found);
    let recipients = recipients(&scenario, workload.deliver_by, &mut found);
    let lists = lists(&scenario, &workload, &recipients, target.as_ref(), &mut found);
    let external::Named { users: names, sender } = named.unwrap_or_default();
    let beside_mail = overrides.beside_mail;
    let workload = WorkloadPlan { senders, recipients, lists, names, sender, beside_mail, ..workload };
    external::somebody_sends(&workload, external, &mut found);
    if let Some(target) = &target {
        spare_sender(&mut storages, target, &workload);
    }
    let variant = super::variants::chosen(&scenario, overrides.variant.as_deref(), &mut found);
    let steps = steps::steps(&scenario, variant.as_deref(), overrides.seed, &storages, &workload, &mut found);
    super::windows::windows(&scenario, &workload, &mut found);
    statements::statements(&scenario, &storages, &cohorts, &mut found);
    expectations(&scenario, external, &mut found);
    demonstrates(&scenario, &mut found);
    let Some(target) = target.filter(|_| found.troubles.is_empty()) else { return Err(found.troubles) };
    Ok(Plan {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        name: scenario.name,
        why: scenario.why.trim().to_owned(),
        sources: scenario.sources,
        demonstrates: scenario.demonstrates,
        file: Some(path.to_owned()),
        text: text.to_owned(),
        seed: overrides.seed,
        storages,
        persistence: overrides.persistence,
        story_scale,
        variant,
        target,
        cohorts,
        workload,
        front_door: scenario.front_door.map(|door| FrontDoorPlan { lifetime: door.lifetime }),
        steps,
        statements: scenario.statement,
        expect: scenario.expect,
        store: overrides.store.as_ref().map(|store| std::path::absolute(store).unwrap_or(store.clone())),
        disks: overrides.disks.clone(),
        made_by: None,
    })
}

fn faults(faults: &[Fault], storages: &mut BTreeMap<String, StoragePlan>, found: &mut Troubles<'_>) {
    let mut names: Vec<&str> = Vec::new();
    for (index, fault) in faults.iter().enumerate() {
        let field = format!("fault.{index}");
        if names.contains(&fault.name.as_str()) {
            let message = format!("two faults are called `{}`", fault.name);
            found.add(
                &format!("{field}.name"),
                message,
                "give each a name of its own: steps and reports use it",
            );
        }
        names.push(&fault.name);
        let storage = storage_of(fault.storage.as_ref(), &field, storages, found);
        let struck = storage.and_then(|storage| devices::at_level(fault, &field, storage, storages, found));
        let rule = Rule {
            name: fault.name.clone(),
            selector: struck
                .as_ref()
                .map_or_else(|| fault.selector.clone(), |(_, selector)| selector.clone()),
            trigger: fault.trigger.clone(),
            effect: fault.effect.clone(),
            for_good: fault.for_good,
        };
        for problem in rule.problems() {
            found.add(&format!("{field}.{}", problem.field), problem.message, problem.help);
        }
        if let Some((storage, _)) = struck {
            storages.get_mut(&storage).expect("storage_of names known ones").rules.push(rule);
        }
    }
}

fn target(
    path: &Path,
    scenario: &Scenario,
    overrides: &Overrides,
    storages: &BTreeMap<String, StoragePlan>,
    found: &mut Troubles<'_>,
) -> Option<TargetPlan> {
    let server = overrides.target.as_ref().unwrap_or(&scenario.target.server);
    let storage = storage_of(scenario.target.storage.as_ref(), "target", storages, found);
    let beside = path.parent().unwrap_or(Path::new(""));
    let definition = find::find(server, beside).and_then(|definition| {
        let companions = find::companions(&definition, server, beside)?;
        Ok((definition, companions))
    });
    let definition = definition.map_err(|wrong| found.add("target.server", wrong.message, wrong.help)).ok();
    let defects: Vec<String> = scenario.target.defects.iter().chain(&overrides.defects).cloned().collect();
    defects_exist(&defects, definition.as_ref().map(|(definition, _)| definition), found);
    let (definition, companions) = definition?;
    let queue = queue(scenario, &definition, storages, found);
    Some(TargetPlan {
        server: definition.name.clone(),
        given: server.clone(),
        queue: definition.has_queue().then(|| queue.or(storage.clone())).flatten(),
        definition,
        companions,
        storage: storage?,
        defects,
    })
}

/// The storage that the scenario names for the queue, if the mail server has a queue.
fn queue(
    scenario: &Scenario,
    definition: &Definition,
    storages: &BTreeMap<String, StoragePlan>,
    found: &mut Troubles<'_>,
) -> Option<String> {
    let named = scenario.target.queue.as_ref()?;
    found.one_of("target.queue", "storage", named, &storages.keys().cloned().collect::<Vec<_>>());
    if !definition.has_queue() {
        let message = format!("{} has no queue of its own", definition.name);
        found.add(
            "target.queue",
            message,
            "leave `queue` out, or test a server whose target file names `{queue}`",
        );
    }
    Some(named.clone())
}

fn defects_exist(defects: &[String], definition: Option<&Definition>, found: &mut Troubles<'_>) {
    let known: Vec<String> = reference::defect::Defect::all().map(|d| d.name().to_owned()).collect();
    for defect in defects {
        let name = defect.split('=').next().unwrap_or_default();
        found.one_of("target.defects", "defect", name, &known);
    }
    if let Some(definition) = definition
        && !defects.is_empty()
        && definition.name != "reference"
    {
        let message = format!("{} has no seeded defects", definition.name);
        found.add("target.defects", message, "only the built-in server has: `server = \"reference\"`");
    }
}

fn workload(
    path: &Path,
    workload: &Workload,
    users: u32,
    overrides: &Overrides,
    target: Option<&TargetPlan>,
    found: &mut Troubles<'_>,
) -> WorkloadPlan {
    let corpus = overrides.corpus.clone().or_else(|| Some(path.parent()?.join(workload.corpus.as_ref()?)));
    if let Some(corpus) = corpus.as_ref().filter(|corpus| !corpus.exists()) {
        let message = format!("the corpus {} does not exist", corpus.display());
        found.add("workload.corpus", message, "name a Maildir, an mbox file or a directory of message files");
    }
    let mix = workload.mix.unwrap_or(DEFAULT_MIX);
    weights(&mix, found);
    let mix = possible_mix(mix, target, found);
    if workload.in_flight == 0 {
        found.add(
            "workload.in-flight",
            "no operation could ever start",
            "allow at least 1; 200 is the default",
        );
    }
    if !(0.0..=10.0).contains(&workload.skew) {
        found.add(
            "workload.skew",
            format!("a skew of {}", workload.skew),
            "0 is uniform, 1 is Zipf; up to 10 is possible",
        );
    }
    if let Some(single) = &workload.single {
        one_delivery(single, users, target, found);
    }
    WorkloadPlan {
        stages: stages(workload, found),
        names: Vec::new(),
        sender: None,
        beside_mail: false,
        until_steps_done: workload.until_steps_done,
        users,
        skew: workload.skew,
        mix,
        deliver_by: deliver_by(workload, &mix, target, found),
        sizes: workload.sizes.unwrap_or(Sizes::Freebsd2002 { max: Some(Bytes(256 * 1024)) }),
        corpus: corpus.map(|corpus| std::path::absolute(&corpus).unwrap_or(corpus)),
        in_flight: workload.in_flight,
        timeout: workload.timeout.unwrap_or(Span(Duration::from_secs(5))),
        warm_up: workload.warm_up,
        retries: workload.retries,
        retry_after: workload.retry_after.unwrap_or(Span(Duration::from_secs(1))),
        recipients: Vec::new(),
        lists: 0.0,
        senders: Vec::new(),
        single: workload.single.clone(),
        clients: clients::clients(workload, target, found),
    }
}

/// Shares of deliveries to one user, to two, and so on. There are more recipients in real mail of some senders and fewer in that
/// of others; the default is a choice, not a measurement.
fn recipients(scenario: &Scenario, by: Ingress, found: &mut Troubles<'_>) -> Vec<f64> {
    let one_each = one_each(scenario, by);
    let Some(shares) = scenario.workload.recipients.clone() else {
        return if one_each.is_none() { DEFAULT_RECIPIENTS.to_vec() } else { vec![1.0] };
    };
    let help = "write a share for one recipient, one for two, and so on: `recipients = [80, 12, 4, 2, 2]`";
    if shares.iter().any(|share| !share.is_finite() || *share < 0.0) || shares.iter().sum::<f64>() <= 0.0 {
        found.add("workload.recipients", format!("shares of {shares:?}"), help);
    }
    if let Some((why, way_out)) = one_each.filter(|_| shares.len() > 1) {
        found.add("workload.recipients", why, format!("{way_out}, or write `recipients = [1]`"));
    }
    if shares.len() > MOST_RECIPIENTS {
        let message = format!("{} recipients of one message", shares.len());
        found.add(
            "workload.recipients",
            message,
            format!("RFC 5321 lets a server refuse more than {MOST_RECIPIENTS}"),
        );
    }
    shares
}

/// Share of deliveries to a list. LMTP delivers to mailboxes (RFC 2033), and APPEND as well.
fn lists(
    scenario: &Scenario,
    workload: &WorkloadPlan,
    recipients: &[f64],
    target: Option<&TargetPlan>,
    found: &mut Troubles<'_>,
) -> f64 {
    let share = scenario.workload.lists.unwrap_or(if recipients.len() > 1 { DEFAULT_LISTS } else { 0.0 });
    if !(0.0..=1.0).contains(&share) {
        let help = "write a share from 0 to 1: `lists = 0.1`";
        found.add("workload.lists", format!("a share of {share}"), help);
    }
    let taken = target.is_some_and(|target| target.definition.takes_lists());
    let alone = workload.users < 2 || one_each(scenario, workload.deliver_by).is_some();
    if taken && !alone && workload.deliver_by == Ingress::Smtp { share } else { 0.0 }
}

/// Why every message goes to one user, if it does, and what to change so that it need not.
fn one_each(scenario: &Scenario, by: Ingress) -> Option<(&'static str, &'static str)> {
    if scenario.front_door.is_some() {
        return Some((
            "for whom of several a message waits at a front door could not be told",
            "leave the front door out",
        ));
    }
    let append =
        (by == Ingress::Append).then_some(("APPEND brings a message to one user", "deliver by LMTP or SMTP"));
    let senders = ("each sender's queue holds a message for one user", "leave `senders` out");
    append.or_else(|| (!scenario.workload.senders.is_empty()).then_some(senders))
}

/// The one delivery is for a user that exists, and by an entry that is open.
fn one_delivery(single: &SingleDelivery, users: u32, target: Option<&TargetPlan>, found: &mut Troubles<'_>) {
    let mut there = |key: &str, user: u32| {
        if user == 0 || user > users {
            found.add(key, format!("there is no user {user}"), format!("from 1 to {users} are there"));
        }
    };
    there("workload.single.user", single.user);
    single.following.iter().for_each(|user| there("workload.single.following", *user));
    let closed = match (single.entry, target.map(|target| &target.definition.listen)) {
        (Ingress::Lmtp, Some(listen)) => listen.lmtp.is_none(),
        (Ingress::Smtp, Some(listen)) => listen.smtp.is_none(),
        (Ingress::Append, Some(listen)) => listen.imap.is_none(),
        (_, None) => false,
    };
    if closed {
        let message = format!("the target does not listen for {}", single.entry);
        found.add("workload.single.entry", message, "deliver by the protocol it listens on");
    }
    let maildir = |target: &TargetPlan| matches!(target.definition.layout, Layout::Maildir { .. });
    if single.until_arrival && !target.is_none_or(maildir) {
        let message = "arrivals cannot be seen in the store of this target".to_owned();
        found.add("workload.single.until-arrival", message, "only Maildir is read past the mail server");
    }
}

/// Shares of deliveries to one user, to two, and so on.
const DEFAULT_RECIPIENTS: [f64; 5] = [80.0, 12.0, 4.0, 2.0, 2.0];
/// Of deliveries to a list; a choice, not a measurement.
const DEFAULT_LISTS: f64 = 0.1;
/// Recipients of one message that every server must take (RFC 5321, 4.5.3.1.8).
const MOST_RECIPIENTS: usize = 100;

const DEFAULT_MIX: Mix = Mix {
    deliver: 60.0,
    append: 10.0,
    fetch: 15.0,
    flag: 6.0,
    mv: 2.0,
    copy: 1.0,
    expunge: 4.0,
    search: 2.0,
};

fn weights(mix: &Mix, found: &mut Troubles<'_>) {
    let all = [mix.deliver, mix.append, mix.fetch, mix.flag, mix.mv, mix.copy, mix.expunge, mix.search];
    if all.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
        found.add(
            "workload.mix",
            "a weight is negative or no number",
            "weights are shares: 0 or more, any sum",
        );
    }
    if mix.deliver <= 0.0 && mix.append <= 0.0 {
        let message = "the mix stores no mail: `deliver` and `append` are both 0";
        found.add("workload.mix", message, "give one of them a weight; a run without mail proves nothing");
    }
}

/// The sender's mailbox stands for one on another server: no fault strikes it. Otherwise a bounce that a server sends as it
/// must would be lost by the same fault, and look like silence.
fn spare_sender(storages: &mut BTreeMap<String, StoragePlan>, target: &TargetPlan, workload: &WorkloadPlan) {
    let (Some(user), Layout::Maildir { path }) = (workload.bounce_user(), &target.definition.layout) else {
        return;
    };
    let mailbox = path.replace("{user}", user);
    for rule in storages.get_mut(&target.storage).into_iter().flat_map(|storage| &mut storage.rules) {
        rule.selector.not_path.extend([mailbox.clone(), format!("{mailbox}/**")]);
    }
}

/// Without IMAP nothing but deliveries can be done.
fn possible_mix(mix: Mix, target: Option<&TargetPlan>, found: &mut Troubles<'_>) -> Mix {
    let Some(target) = target.filter(|target| !target.has_imap_during_traffic()) else { return mix };
    let mix = mix.deliveries_only();
    if mix.deliver <= 0.0 {
        let message = format!("{} has no IMAP, so of this mix nothing is left", target.definition.name);
        found.add("workload.mix", message, "give `deliver` a weight");
    }
    mix
}

/// Mail can be read back, and it can be seen when it has arrived.
fn readable(target: &TargetPlan, found: &mut Troubles<'_>) {
    let name = &target.definition.name;
    if target.definitions().all(|definition| definition.listen.imap.is_none()) {
        let message = format!("{name} has no IMAP address");
        let help =
            "messages are read back by IMAP: give the target an `imap` address, or a companion that has one";
        found.add("target.server", message, help);
    }
    if !target.has_imap_during_traffic() && target.definition.layout == (Layout::Opaque {}) {
        let message = format!("{name} has no IMAP during the traffic, and its layout is not known");
        let help = "nothing would show when mail has arrived: say its `layout.maildir`, or start the companion `always`";
        found.add("target.server", message, help);
    }
}

fn stages(workload: &Workload, found: &mut Troubles<'_>) -> Vec<Stage> {
    if workload.stages.is_empty() {
        let duration = workload.duration.unwrap_or(Span(Duration::from_secs(10)));
        if duration.0.is_zero() {
            found.add("workload.duration", "no time for traffic", "give it a duration such as \"10s\"");
        }
        return vec![Stage { rate: workload.rate.unwrap_or(30.0), duration }];
    }
    if workload.duration.is_some() || workload.rate.is_some() {
        let message = "`stages` and `rate`/`duration` contradict each other";
        found.add("workload.stages", message, "keep `stages`, or `rate` with `duration`");
    }
    workload.stages.iter().map(|stage| Stage { rate: stage.rate, duration: stage.duration }).collect()
}

fn deliver_by(
    workload: &Workload,
    mix: &Mix,
    target: Option<&TargetPlan>,
    found: &mut Troubles<'_>,
) -> Ingress {
    let Some(target) = target else { return Ingress::Lmtp };
    let listen = &target.definition.listen;
    let default = if listen.lmtp.is_some() { Protocol::Lmtp } else { Protocol::Smtp };
    if workload.deliver_by.is_none() && target.has_imap_alone() {
        return Ingress::Append;
    }
    let (entry, possible) = match workload.deliver_by.unwrap_or(default) {
        Protocol::Lmtp => (Ingress::Lmtp, listen.lmtp.is_some()),
        Protocol::Smtp => (Ingress::Smtp, listen.smtp.is_some()),
    };
    if !possible && mix.deliver > 0.0 {
        let message = format!("{} does not listen for it", target.definition.name);
        found.add(
            "workload.deliver-by",
            message,
            "deliver by the protocol it listens on, or set `deliver = 0` in the mix",
        );
    }
    readable(target, found);
    entry
}

fn expectations(scenario: &Scenario, external: bool, found: &mut Troubles<'_>) {
    let faults = fault_names(scenario);
    if let Some(fault) = &scenario.expect.silence_during {
        let field = "expect.silence-during";
        found.one_of(field, "fault", fault, &faults);
        let named = scenario.fault.iter().find(|known| known.name == *fault);
        if named.is_some_and(|known| !matches!(known.effect, Effect::Freeze(_))) {
            let message = format!("`{fault}` is no freeze: only a freeze is silent");
            found.add(field, message, "name a fault with `effect.freeze`");
        }
    }
    let has_faults = !scenario.fault.is_empty();
    let then = scenario.workload.single.iter().filter_map(|single| single.then.as_ref());
    let variants = scenario.variant.iter().flat_map(|variant| &variant.step);
    let steps = scenario.step.iter().chain(variants).map(|step| &step.action);
    let by_command = |action: &StepAction| external && matches!(action, StepAction::RunCommand { .. });
    let harms = steps.clone().chain(then).any(|action| harms(action) || by_command(action));
    if scenario.expect.no_faults && has_faults {
        found.add("expect.no-faults", "the scenario has faults", "remove them, or `no-faults`");
    }
    if !scenario.expect.no_faults && !has_faults && !harms {
        let help = "add a [[fault]], or write `no-faults = true` below [expect] if none is wanted";
        found.add("name", "the scenario has no fault, so its verdict could only be unknown", help);
    }
    let mut inspections = steps.filter(|action| matches!(action, StepAction::Inspect {}));
    if scenario.expect.disk_intact && inspections.next().is_none() {
        found.add("expect.disk-intact", "no step inspects the disk", "add a step with `do.inspect = {}`");
    }
    let operations = OPERATIONS.map(str::to_owned);
    for name in scenario.expect.latency.keys() {
        found.one_of(&format!("expect.latency.{name}"), "operation", name, &operations);
    }
}

/// A step that is a fault by itself.
fn harms(action: &StepAction) -> bool {
    matches!(action, StepAction::KillTarget {} | StepAction::PowerCut { .. } | StepAction::RollBack { .. })
}

/// Names of client operations in reports and expectations.
pub(crate) const OPERATIONS: [&str; 8] =
    ["deliver", "append", "fetch", "search", "flag", "move", "copy", "expunge"];

fn demonstrates(scenario: &Scenario, found: &mut Troubles<'_>) {
    let Some(property) = &scenario.demonstrates else { return };
    let known: Vec<String> = judge::property::ALL.iter().map(|property| property.name.to_owned()).collect();
    found.one_of("demonstrates", "property", property, &known);
}
