//! How long a rehearsal takes and what it writes on the two disks, said before anything is written.

use super::baselines::FEWEST;
use super::options::{Options, Stretch};
use super::plans::{ANY, Part, Plans};
use super::rounds::{NEW, OLD};
use crate::mail::message::corpus::Corpus;
use crate::mail::message::sizes;
use anyhow::{Result, ensure};
use nix::sys::statvfs::statvfs;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use record::plan::step::{MigrationTool, StepAction};
use record::plan::workload::{Sizes, WorkloadPlan};
use record::plan::{Plan, quoted};
use reports::kit::figures::{bytes, counted, duration};
use std::path::Path;
use std::time::Duration;

/// Starting, coming back, reading back and judging take about this long, beside the traffic.
const AROUND_THE_TRAFFIC: Duration = Duration::from_secs(7);

/// A mail server's own tool is started twice for each user: with Dovecot on two processors that takes about so long.
const USER_BY_SERVER: Duration = Duration::from_millis(900);

/// Messages whose sizes are looked at.
const SAMPLE: u64 = 500;

/// What a rehearsal comes to at the least, and what it writes at the most while it takes no longer.
pub(super) struct Estimate {
    /// Name and time of each part, in their order.
    parts: Vec<(String, Duration)>,
    disks: [Written; 2],
}

/// On one disk.
#[derive(Default)]
struct Written {
    messages: u64,
    bytes: u64,
}

impl Estimate {
    /// # Errors
    /// A part cannot be planned, or the corpus cannot be read.
    pub(super) fn of(plans: &Plans<'_>) -> Result<Estimate> {
        let parts = parts(plans)?;
        let mean = parts.first().map_or(Ok(0), |part| mean_size(&part.plan))?;
        let mut estimate = Estimate { parts: Vec::new(), disks: Default::default() };
        for part in parts {
            let takes = takes(&part.plan);
            let messages = messages(&part.plan.workload, takes);
            fits(&part, messages * mean)?;
            let Options { source, destination, .. } = plans.options;
            for (disk, written) in [source, destination].into_iter().zip(&mut estimate.disks) {
                if part.disks.values().any(|used| used == disk) {
                    written.messages += messages;
                    written.bytes += messages * mean;
                }
            }
            estimate.parts.push((part.name, takes + AROUND_THE_TRAFFIC));
        }
        Ok(estimate)
    }

    /// What a user is told before it begins.
    pub(super) fn told(&self, options: &Options) -> String {
        let free =
            |disk: &Path| statvfs(disk).ok().map(|disk| disk.blocks_available() * disk.fragment_size());
        let [old, new] = &self.disks;
        let all: Duration = self.parts.iter().map(|(_, takes)| *takes).sum();
        format!(
            "{} of at least {} together; more if users move more slowly, and where a latency would decide\n{}\n{}",
            counted(self.parts.len() as u64, "part", "parts"),
            duration(all.as_secs_f64()),
            old.told("old", &options.source, free(&options.source)),
            new.told("new", &options.destination, free(&options.destination)),
        )
    }

    /// What a user is told before a part: which of how many, and how long it takes. Nothing of one that is done again.
    pub(super) fn place(&self, part: &str) -> Option<String> {
        let at = self.parts.iter().position(|(name, _)| name == part)?;
        let takes = duration(self.parts[at].1.as_secs_f64());
        Some(format!("part {} of {}, {takes} or more", at + 1, self.parts.len()))
    }
}

impl Written {
    fn told(&self, name: &str, disk: &Path, free: Option<u64>) -> String {
        let (messages, size) = (counted(self.messages, "message", "messages"), bytes(self.bytes as f64));
        let disk = quoted(&disk.display().to_string());
        let room = match free {
            Some(free) if free < self.bytes => {
                format!(
                    "; only {} is free: remove something, or give fewer --users or --messages",
                    bytes(free as f64)
                )
            }
            Some(free) => format!("; {} is free", bytes(free as f64)),
            None => String::new(),
        };
        format!(
            "{name} disk, {disk}: about {size} in {messages}, a file each in a Maildir, will stay there{room}"
        )
    }
}

/// A file system needs room for more than the mail, and users take theirs with them to the other.
fn fits(part: &Part, mail: u64) -> Result<()> {
    let devices = part.plan.storages.values().filter_map(|storage| storage.on.as_ref());
    let Some(least) = devices.map(|on| on.size).min() else { return Ok(()) };
    ensure!(
        mail <= least.0 / 2,
        "part {} stores about {}, and the device under each disk has {least}: give fewer --users or --messages, or leave out \
         --persistence",
        part.name,
        bytes(mail as f64)
    );
    Ok(())
}

/// Every part that is run in any case.
pub(super) fn parts(plans: &Plans<'_>) -> Result<Vec<Part>> {
    let does = |part| plans.options.does(part);
    let mut parts = Vec::new();
    if does(Stretch::Disks) {
        for run in 1..=FEWEST {
            parts.extend([plans.baseline(OLD, run)?, plans.baseline(NEW, run)?]);
        }
    }
    if does(Stretch::Migration) {
        parts.push(plans.migration()?);
    }
    if does(Stretch::Failures) {
        for failure in &plans.options.tries {
            parts.push(plans.failure(*failure, ANY)?);
        }
    }
    if does(Stretch::Outage) {
        parts.push(plans.outage()?);
    }
    Ok(parts)
}

/// How long the traffic lasts: as long as it is to, or until the users have moved.
fn takes(plan: &Plan) -> Duration {
    let moving = plan.steps.iter().filter_map(|step| match &step.action {
        StepAction::Migrate(order) => {
            let every = order.every.map_or(Duration::ZERO, |every| every.0);
            let of_one = match order.tool {
                MigrationTool::Server => USER_BY_SERVER.max(every),
                MigrationTool::Rsync | MigrationTool::Cp => every,
            };
            Some(step.at.map_or(Duration::ZERO, |at| at.0) + of_one * plan.workload.users)
        }
        _ => None,
    });
    let lasts = || plan.workload.stages.iter().map(|stage| stage.duration.0).sum();
    moving.max().unwrap_or_else(lasts)
}

/// Messages that are stored before the traffic and in so much of it.
fn messages(workload: &WorkloadPlan, takes: Duration) -> u64 {
    let mix = &workload.mix;
    let all = mix.deliver + mix.append + mix.fetch + mix.flag + mix.mv + mix.copy + mix.expunge + mix.search;
    let stored = (mix.deliver + mix.append + mix.copy) / all.max(f64::MIN_POSITIVE);
    let rate = workload.stages.first().map_or(0.0, |stage| stage.rate);
    let before = u64::from(workload.users) * u64::from(workload.warm_up);
    before + (rate * stored * takes.as_secs_f64()).ceil() as u64
}

fn mean_size(plan: &Plan) -> Result<u64> {
    match &plan.workload.corpus {
        Some(corpus) => mean_of_corpus(&Corpus::load(corpus)?),
        None => Ok(mean_of(&plan.workload.sizes)),
    }
}

fn mean_of(of: &Sizes) -> u64 {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    (0..SAMPLE).map(|_| sizes::draw(of, &mut random)).sum::<u64>() / SAMPLE
}

/// Of messages all over it.
fn mean_of_corpus(corpus: &Corpus) -> Result<u64> {
    let looked_at = (corpus.len() as u64).clamp(1, SAMPLE);
    let place = |n: u64| n * corpus.len() as u64 / looked_at;
    let sizes = (0..looked_at).map(|n| Ok(corpus.message(place(n))?.len() as u64));
    Ok(sizes.sum::<Result<u64>>()? / looked_at)
}

#[cfg(test)]
mod tests {
    use super::super::options::tests::options;
    use super::*;

    fn estimate(change: impl Fn(&mut Options)) -> (Estimate, Options) {
        let place = tempfile::tempdir().expect("a directory");
        let mut options = options(place.path());
        change(&mut options);
        let plans = Plans { options: &options, directory: place.path() };
        let estimate = Estimate::of(&plans).expect("every part can be planned");
        (estimate, Options { source: "/mnt/old".into(), destination: "/mnt/new disk".into(), ..options })
    }

    #[test]
    fn time_and_room_are_said_before_it_begins() {
        let (estimate, options) = estimate(|_| ());
        insta::assert_snapshot!(estimate.told(&options), @r#"
        14 parts of at least 5 min 17 s together; more if users move more slowly, and where a latency would decide
        old disk, /mnt/old: about 87.3 MB in 3,989 messages, a file each in a Maildir, will stay there
        new disk, '/mnt/new disk': about 119 MB in 5,446 messages, a file each in a Maildir, will stay there
        "#);
        insta::assert_snapshot!(estimate.place("migration").expect("a part"), @"part 7 of 14, 17.0 s or more");
        assert_eq!(estimate.place("baseline-old-4"), None);
    }

    #[test]
    fn what_is_not_done_takes_no_time() {
        let (estimate, _) = estimate(|options| options.parts = vec![Stretch::Disks, Stretch::Outage]);
        let names: Vec<&str> = estimate.parts.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!((names.len(), names[0], names[6]), (7, "baseline-old-1", "outage"));
    }

    #[test]
    fn more_mail_and_more_users_take_more_room() {
        let all = |(estimate, _): (Estimate, Options)| {
            let takes: Duration = estimate.parts.iter().map(|(_, takes)| *takes).sum();
            (takes, estimate.disks[0].bytes, estimate.disks[1].bytes)
        };
        let usual = all(estimate(|_| ()));
        let more_mail = all(estimate(|options| options.messages *= 10));
        let more_users = all(estimate(|options| options.sample = Some(2_000)));
        assert!(more_mail.0 == usual.0 && more_mail.1 > usual.1 && more_mail.2 > usual.2);
        assert!(more_users.0 >= usual.0 && more_users.1 > usual.1 && more_users.2 > usual.2);
    }

    #[test]
    fn mail_that_a_device_has_no_room_for_is_refused_before_it_begins() {
        let place = tempfile::tempdir().expect("a directory");
        let persistence = "real-ext4".parse().ok();
        let many = Options { persistence, sample: Some(1_000), messages: 30, ..options(place.path()) };
        let refused = |options: &Options| {
            let estimated = Estimate::of(&Plans { options, directory: place.path() });
            estimated.err().map(|error| error.to_string())
        };
        insta::assert_snapshot!(refused(&many).expect("it is too much"), @"part baseline-old-1 stores about 662 MB, and the device under each disk has 1.0 GiB: give fewer --users or --messages, or leave out --persistence");
        assert_eq!(refused(&Options { messages: 1, ..many.clone() }), None);
        assert_eq!(refused(&Options { persistence: None, ..many }), None);
    }

    #[test]
    fn a_disk_with_too_little_room_is_named() {
        let written = Written { messages: 1, bytes: 5_000_000 };
        insta::assert_snapshot!(written.told("new", Path::new("/mnt/new"), Some(1_000_000)), @"new disk, /mnt/new: about 5.00 MB in 1 message, a file each in a Maildir, will stay there; only 1.00 MB is free: remove something, or give fewer --users or --messages");
        insta::assert_snapshot!(written.told("new", Path::new("/mnt/new"), Some(9_000_000_000)), @"new disk, /mnt/new: about 5.00 MB in 1 message, a file each in a Maildir, will stay there; 9.00 GB is free");
    }
}
