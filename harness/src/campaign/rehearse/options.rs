//! What a rehearsal is asked for, and whether it can be done.

use super::own_mail::asked::OwnMail;
use anyhow::{Context, Result, ensure};
use fuse_fs::units::Span;
use record::plan::keeper::Keeper;
use record::plan::quoted;
use record::plan::step::MigrationTool;
use reports::comparison::limits::Limit;
use std::path::{Path, PathBuf};
use std::time::Duration;
use strum::VariantArray;

/// A failure that is tried while users move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, strum::Display, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Failure {
    /// The new disk stops answering half way, and is repaired in place.
    Freeze,
    /// The new disk is full half way, and has space again a little later.
    Full,
    /// Every call to the new disk takes longer.
    Slow,
    /// The power of the old disk goes, with a third of the users moved.
    PowerCutSource,
    /// The power of the new disk goes half way.
    PowerCutDestination,
    /// When half of the users have moved, they all go back.
    RollBack,
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, strum::Display, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Stretch {
    /// A copy of mail that is there is moved by your own mover (--mail, --mover).
    Mail,
    /// The traffic alone on each disk.
    Disks,
    /// Every user moves under traffic.
    Migration,
    /// The same with each failure (--try).
    Failures,
    /// The new disk stops answering with everybody on it, and mail is let in again.
    Outage,
}

/// Users unless the command line says otherwise.
pub(crate) const USUAL_USERS: u32 = 20;
/// Messages in each mailbox before the traffic, likewise.
pub(crate) const USUAL_MESSAGES: u32 = 10;
/// Operations a second.
pub(crate) const USUAL_RATE: &str = "30/s";
/// Users on their way at once.
pub(crate) const USUAL_AT_ONCE: u32 = 4;
/// New mail is acknowledged within this while a backlog is let in, at the 95th percentile.
pub(crate) const USUAL_LIVE_P95: Span = Span(Duration::from_secs(1));
/// Seed: a rehearsal is to be the same everywhere.
pub(crate) const USUAL_SEED: u64 = 1;
/// Below it a rehearsal lies.
pub(crate) const USUAL_RUNS: &str = "fermoposta-runs";

/// The service that is to be moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Service {
    pub mailboxes: u64,
    /// Messages that arrive in a day for each of them.
    pub mail_per_day: f64,
}

/// What a rehearsal is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Directory on the old disk.
    pub source: PathBuf,
    /// Directory on the new disk.
    pub destination: PathBuf,
    /// Name or path of the target.
    pub target: String,
    /// Seeded defects of the reference server.
    pub defects: Vec<String>,
    /// Real mail instead of generated.
    pub corpus: Option<PathBuf>,
    /// Mail that is there, and what moves it.
    pub mail: Option<OwnMail>,
    /// What is done.
    pub parts: Vec<Stretch>,
    /// Users who move, if their number was given.
    pub sample: Option<u32>,
    /// Messages in each mailbox before the traffic.
    pub messages: u32,
    /// Operations a second.
    pub rate: f64,
    /// What decides what survives a power cut, if it is not the usual model.
    pub persistence: Option<Keeper>,
    /// What copies a user's mail.
    pub tool: MigrationTool,
    /// Users on their way at once.
    pub at_once: u32,
    /// Failures that are tried.
    pub tries: Vec<Failure>,
    pub seed: u64,
    /// Where the rehearsal's directory is made.
    pub runs: PathBuf,
    /// The directory of one that was interrupted, and is to go on.
    pub go_on: Option<PathBuf>,
    /// The service that is to be moved, if its size is known.
    pub service: Option<Service>,
    /// How much worse than the old disk the new one may be, where that is not as usual.
    pub limits: Vec<Limit>,
    /// How late new mail may be while a backlog is let in.
    pub live_p95: Span,
}

/// Most users of a scenario.
const MOST_USERS: u32 = 100_000;
/// Most users on their way at once.
const MOST_AT_ONCE: u32 = 64;

impl Options {
    /// Checks numbers and directories, and makes paths absolute.
    ///
    /// # Errors
    /// What is asked for cannot be done; the message says what to change.
    pub(crate) fn checked(mut self) -> Result<Options> {
        let (users, at_once) = (self.users(), self.at_once);
        ensure!((1..=MOST_USERS).contains(&users), "--users {users}: from 1 to 100,000 are possible");
        ensure!((1..=MOST_AT_ONCE).contains(&at_once), "--at-once {at_once}: from 1 to 64 are possible");
        self.parts_fit()?;
        if let Some(Service { mailboxes, mail_per_day }) = self.service {
            ensure!(mailboxes > 0, "--mailboxes 0: the real service has at least one");
            let sensible = mail_per_day.is_finite() && mail_per_day > 0.0;
            ensure!(sensible, "--mail-per-day {mail_per_day}: write how many messages arrive for a mailbox");
        }
        ensure!(!self.live_p95.0.is_zero(), "--live-p95 0: no mail is acknowledged in no time");
        self.source = disk("--source", &self.source)?;
        self.destination = disk("--destination", &self.destination)?;
        apart(&self.source, &self.destination)?;
        self.runs = std::path::absolute(&self.runs)?;
        for (option, place) in [("--source", &self.source), ("--destination", &self.destination)] {
            writable(place).with_context(|| {
                format!(
                    "{option} {}: it cannot be written; name a directory on that disk that can",
                    place.display()
                )
            })?;
        }
        Ok(self)
    }

    /// Made-up users who move.
    pub(super) fn users(&self) -> u32 {
        self.sample.unwrap_or(USUAL_USERS)
    }

    pub(super) fn does(&self, part: Stretch) -> bool {
        self.parts.contains(&part)
    }

    /// Anything is run under traffic.
    pub(super) fn has_runs(&self) -> bool {
        self.parts.iter().any(|part| *part != Stretch::Mail)
    }

    fn parts_fit(&self) -> Result<()> {
        let (mail, does) = (self.mail.is_some(), |part| self.does(part));
        ensure!(
            mail || !does(Stretch::Mail),
            "--parts mail: say which with --mail, and what moves it with --mover"
        );
        ensure!(
            !mail || does(Stretch::Mail),
            "--mail is given, and --parts leaves it out; add `mail` to --parts"
        );
        let measured = does(Stretch::Migration) || !does(Stretch::Failures);
        ensure!(
            measured,
            "--parts failures: when each is to strike is measured in the migration; write --parts migration,failures"
        );
        Ok(())
    }

    /// The command for the same rehearsal.
    pub(crate) fn command(&self) -> String {
        let path = |path: &Path| quoted(&path.display().to_string());
        let mut command = format!(
            "fermoposta rehearse --source {} --destination {}",
            path(&self.source),
            path(&self.destination)
        );
        command += &self.mail.as_ref().map_or_else(String::new, OwnMail::options);
        if self.parts != usual_parts(self.mail.is_some()) {
            let parts: Vec<String> = self.parts.iter().map(Stretch::to_string).collect();
            command += &format!(" --parts {}", parts.join(","));
        }
        command += &self.sample.map_or_else(String::new, |users| format!(" --users {users}"));
        if !self.has_runs() {
            return command + &self.end_of_command();
        }
        command += &format!(" --target {}", quoted(&self.target));
        command += &format!(" --messages {} --rate {}/s", self.messages, self.rate);
        command +=
            &self.persistence.map_or_else(String::new, |keeper| format!(" --persistence {}", keeper.name()));
        command += &format!(" --tool {} --at-once {}", self.tool, self.at_once);
        let all = Failure::VARIANTS.iter().all(|failure| self.tries.contains(failure));
        self.defects.iter().for_each(|defect| command += &format!(" --defect {}", quoted(defect)));
        self.tries.iter().filter(|_| !all).for_each(|failure| command += &format!(" --try {failure}"));
        self.limits.iter().for_each(|limit| command += &format!(" --limit {limit}"));
        if let Some(corpus) = &self.corpus {
            command += &format!(" --corpus {}", path(corpus));
        }
        if let Some(Service { mailboxes, mail_per_day }) = self.service {
            command += &format!(" --mailboxes {mailboxes} --mail-per-day {mail_per_day}");
        }
        if self.live_p95 != USUAL_LIVE_P95 {
            command += &format!(" --live-p95 {}", quoted(&self.live_p95.to_string()));
        }
        command + &self.end_of_command()
    }

    fn end_of_command(&self) -> String {
        let seed = format!(" --seed {}", self.seed);
        match std::path::absolute(USUAL_RUNS).ok().as_ref() == Some(&self.runs) {
            true => seed,
            false => format!("{seed} --runs {}", quoted(&self.runs.display().to_string())),
        }
    }
}

/// What is done unless the command line says otherwise.
pub(crate) fn usual_parts(mail: bool) -> Vec<Stretch> {
    Stretch::VARIANTS.iter().copied().filter(|part| mail || *part != Stretch::Mail).collect()
}

fn disk(option: &str, given: &Path) -> Result<PathBuf> {
    let place = given.canonicalize().with_context(|| {
        format!("{option} {}: name a directory that is there, on the disk that is meant", given.display())
    })?;
    ensure!(place.is_dir(), "{option} {}: it is not a directory", given.display());
    Ok(place)
}

fn apart(source: &Path, destination: &Path) -> Result<()> {
    let (old, new) = (source.display(), destination.display());
    ensure!(source != destination, "--source and --destination are the same directory, {old}");
    let help = "name directories beside each other, each on its own disk";
    ensure!(!destination.starts_with(source), "--destination {new} lies in --source {old}; {help}");
    ensure!(!source.starts_with(destination), "--source {old} lies in --destination {new}; {help}");
    Ok(())
}

/// Under a name that nothing there has: what lies on the disk is somebody's.
fn writable(place: &Path) -> std::io::Result<()> {
    let mut probe = tempfile::NamedTempFile::new_in(place)?;
    std::io::Write::write_all(&mut probe, &[0x5a_u8; 4096])?;
    probe.close()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use record::plan::device::Filesystem;

    pub(in crate::campaign::rehearse) fn options(place: &Path) -> Options {
        let [source, destination] = ["old", "new"].map(|name| place.join(name));
        for directory in [&source, &destination] {
            std::fs::create_dir_all(directory).expect("a directory");
        }
        Options {
            source,
            destination,
            target: "reference".to_owned(),
            defects: Vec::new(),
            corpus: None,
            mail: None,
            parts: usual_parts(false),
            sample: None,
            messages: USUAL_MESSAGES,
            rate: 30.0,
            persistence: None,
            tool: MigrationTool::Rsync,
            at_once: USUAL_AT_ONCE,
            tries: Failure::VARIANTS.to_vec(),
            seed: USUAL_SEED,
            runs: place.join(USUAL_RUNS),
            go_on: None,
            service: None,
            limits: Vec::new(),
            live_p95: USUAL_LIVE_P95,
        }
    }

    fn refused(change: impl Fn(&mut Options)) -> String {
        let place = tempfile::tempdir().expect("a directory");
        let mut options = options(place.path());
        change(&mut options);
        let error = format!("{:#}", options.checked().expect_err("it cannot be done"));
        let real = place.path().canonicalize().expect("it is there");
        error.replace(&*real.to_string_lossy(), "DIR").replace(&*place.path().to_string_lossy(), "DIR")
    }

    #[test]
    fn two_disks_are_two_directories() {
        let same = refused(|options| options.destination.clone_from(&options.source));
        assert_eq!(same, "--source and --destination are the same directory, DIR/old");
        let inside = refused(|options| {
            options.destination = options.source.join("new");
            std::fs::create_dir(&options.destination).expect("a directory");
        });
        assert!(inside.starts_with("--destination DIR/old/new lies in --source DIR/old; name"), "{inside}");
        let outside = refused(|options| {
            options.destination = options.source.clone();
            options.source = options.source.join("old");
            std::fs::create_dir(&options.source).expect("a directory");
        });
        assert!(outside.starts_with("--source DIR/old/old lies in --destination DIR/old; name"), "{outside}");
        let absent = refused(|options| options.source = options.source.join("absent"));
        assert!(absent.starts_with("--source DIR/old/absent: name a directory that is there"), "{absent}");
    }

    #[test]
    fn numbers_make_sense() {
        assert_eq!(refused(|o| o.sample = Some(0)), "--users 0: from 1 to 100,000 are possible");
        assert_eq!(refused(|o| o.at_once = 65), "--at-once 65: from 1 to 64 are possible");
        let service = |mailboxes, mail_per_day| Some(Service { mailboxes, mail_per_day });
        assert!(refused(|o| o.service = service(0, 1.0)).starts_with("--mailboxes 0"));
        assert!(refused(|o| o.service = service(1, f64::NAN)).starts_with("--mail-per-day NaN"));
    }

    #[test]
    fn the_command_says_every_choice() {
        let place = tempfile::tempdir().expect("a directory");
        let options = Options {
            source: "/mnt/old".into(),
            destination: "/mnt/new disk".into(),
            parts: vec![Stretch::Migration, Stretch::Failures],
            sample: Some(7),
            persistence: Some(Keeper::Real(Filesystem::Xfs)),
            tries: vec![Failure::PowerCutSource, Failure::Full],
            service: Some(Service { mailboxes: 9_000_000, mail_per_day: 12.5 }),
            limits: vec!["p99=3".parse().expect("a limit")],
            live_p95: Span(Duration::from_millis(500)),
            runs: "/var/runs".into(),
            ..options(place.path())
        };
        insta::assert_snapshot!(
            options.command(),
            @"fermoposta rehearse --source /mnt/old --destination '/mnt/new disk' --parts migration,failures --users 7 --target reference --messages 10 --rate 30/s --persistence real-xfs --tool rsync --at-once 4 --try power-cut-source --try full --limit p99=3 --mailboxes 9000000 --mail-per-day 12.5 --live-p95 500ms --seed 1 --runs /var/runs"
        );
    }
}
