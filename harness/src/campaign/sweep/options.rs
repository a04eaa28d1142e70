//! What a sweep is asked for, and whether a directory holds the beginning of just that.

use super::cases::{Delivery, Wanted};
use crate::campaign::many_runs::differences;
use crate::machine::build::build;
use anyhow::{Context, Result, bail};
use fuse_fs::durability::profile::Profile;
use record::history::Ingress;
use record::plan::keeper::Keeper;
use record::plan::quoted;
use record::plan::server::{Definition, Layout};
use reports::kit::shard::Shard;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Whether first deliveries to new users are swept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize, Deserialize)]
pub(crate) enum FirstDelivery {
    /// Together with later ones.
    With,
    /// Only later ones.
    Without,
    /// Only first ones.
    Only,
}

/// A family of faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Family {
    /// EIO and ENOSPC at each call.
    Errno,
    /// Writeback that fails at each fsync, as each file system shows it.
    Fsync,
    /// A power cut after each call.
    Cuts,
}

/// What a sweep is asked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Options {
    /// Name or path of the target.
    pub target: String,
    pub definition: Definition,
    /// The mail server that its runs would use: version, and where it is unpacked.
    pub would_use: String,
    /// Seeded defects of the reference server.
    pub defects: Vec<String>,
    /// Entries; all that the target offers if empty.
    pub entries: Vec<Ingress>,
    pub first: FirstDelivery,
    pub wanted: Wanted,
    /// One case only.
    pub case: Option<String>,
    /// A bad case is run this many times more.
    pub repeat: u32,
    /// Runs at once.
    pub jobs: usize,
    /// Keep every run directory.
    pub keep: bool,
    pub seed: u64,
    /// The sweep's directory.
    pub directory: PathBuf,
    /// It is not where it would be by itself, so commands name it.
    pub elsewhere: bool,
    /// The part of the cases that is done.
    pub shard: Shard,
}

/// Profiles that are cut on unless others are named: the weakest without its switches, and that of most machines.
pub(crate) const USUAL_PROFILES: [Keeper; 2] =
    [Keeper::Model(Profile::StrictPosix), Keeper::Model(Profile::Ext4Ordered)];

/// Seed unless another is given: a sweep is to be the same everywhere.
pub(crate) const USUAL_SEED: u64 = 1;

/// Below it a sweep lies unless the user says otherwise.
pub(crate) const USUAL_RUNS: &str = "fermoposta-runs";

/// Where a sweep lies unless the user says otherwise; each part apart, as machines may share a disk.
pub(crate) fn usual_directory(
    runs: &Path,
    definition: &Definition,
    defects: &[String],
    shard: Shard,
) -> PathBuf {
    let parts: Vec<&str> =
        [definition.name.as_str()].into_iter().chain(defects.iter().map(String::as_str)).collect();
    runs.join(format!("sweep-{}{}", parts.join("-").replace(['/', '='], "-"), shard.suffix()))
}

impl Options {
    /// The deliveries that are swept.
    ///
    /// # Errors
    /// The target does not offer a wanted entry.
    pub(crate) fn deliveries(&self) -> Result<Vec<Delivery>> {
        let listen = &self.definition.listen;
        let offered =
            [(Ingress::Lmtp, &listen.lmtp), (Ingress::Smtp, &listen.smtp), (Ingress::Append, &listen.imap)];
        let offered: Vec<Ingress> =
            offered.iter().filter(|(_, address)| address.is_some()).map(|(entry, _)| *entry).collect();
        if let Some(missing) = self.entries.iter().find(|entry| !offered.contains(entry)) {
            let names: Vec<&str> = offered.iter().map(<&str>::from).collect();
            bail!("{} does not listen for {missing}; it offers {}", self.target, names.join(", "));
        }
        let chosen =
            offered.into_iter().filter(|entry| self.entries.is_empty() || self.entries.contains(entry));
        let whether: &[bool] = match self.first {
            FirstDelivery::With => &[false, true],
            FirstDelivery::Without => &[false],
            FirstDelivery::Only => &[true],
        };
        Ok(chosen
            .flat_map(|entry| whether.iter().map(move |first| Delivery { entry, first: *first }))
            .collect())
    }

    /// The key of a scenario that says where a delivery's calls end. None: with the answer, as nobody can tell when a queue has
    /// delivered into a store that only its own server can read.
    pub(crate) fn end(&self, entry: Ingress) -> Option<&'static str> {
        match (entry, &self.definition.layout) {
            (Ingress::Lmtp | Ingress::Append, _) => Some("until-quiet"),
            (Ingress::Smtp, Layout::Maildir { .. }) => Some("until-arrival"),
            (Ingress::Smtp, _) => None,
        }
    }

    /// The command for the same sweep, or for one case of it.
    pub(crate) fn command(&self, case: Option<&str>) -> String {
        let mut command = format!("fermoposta sweep {}", quoted(&self.target));
        self.defects.iter().for_each(|defect| command += &format!(" --defect {}", quoted(defect)));
        if self.seed != USUAL_SEED {
            command += &format!(" --seed {}", self.seed);
        }
        if self.elsewhere {
            command += &format!(" --dir {}", quoted(&self.directory.display().to_string()));
        }
        match (case, self.shard.as_part()) {
            (Some(case), _) => command + &format!(" --case {}", quoted(case)),
            (None, Some(shard)) => command + &self.choice() + &format!(" --shard {shard}"),
            (None, None) => command + &self.choice(),
        }
    }

    fn choice(&self) -> String {
        let mut choice = String::new();
        self.entries.iter().for_each(|entry| choice += &format!(" --entry {entry}"));
        match self.first {
            FirstDelivery::With => {}
            FirstDelivery::Without => choice += " --first-delivery without",
            FirstDelivery::Only => choice += " --first-delivery only",
        }
        let Wanted { errno, fsync, cuts } = &self.wanted;
        let families = [(*errno, "errno"), (*fsync, "fsync"), (!cuts.is_empty(), "cuts")];
        if families.iter().any(|(wanted, _)| !wanted) {
            let wanted: Vec<&str> =
                families.iter().filter(|(wanted, _)| *wanted).map(|(_, name)| *name).collect();
            choice += &format!(" --faults {}", wanted.join(","));
        }
        if !cuts.is_empty() && *cuts != USUAL_PROFILES {
            let names: Vec<&str> = cuts.iter().copied().map(Keeper::name).collect();
            choice += &format!(" --profiles {}", names.join(","));
        }
        choice
    }

    /// Everything that a result depends on, but for the program.
    pub(crate) fn identity(&self) -> Result<Map<String, Value>> {
        let definition = serde_json::to_vec(&self.definition)?;
        let all = json!({
            "target": self.definition.name,
            "target definition": blake3::hash(&definition).to_hex().to_string(),
            "target version": self.would_use,
            "defects": self.defects,
            "seed": self.seed,
            "deliveries": self.deliveries()?.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "faults": self.wanted,
        });
        Ok(all.as_object().cloned().unwrap_or_default())
    }

    /// That, and the program.
    fn identity_here(&self) -> Result<Map<String, Value>> {
        let mut all = self.identity()?;
        all.insert("program version".to_owned(), env!("CARGO_PKG_VERSION").into());
        all.insert(BUILD.to_owned(), build()?.into());
        Ok(all)
    }

    /// Notes in the sweep's directory what it is a sweep of, or compares with what is noted there.
    ///
    /// # Errors
    /// Another sweep lies there. For one case only what it stands on is compared.
    pub(crate) fn claim_directory(&self) -> Result<()> {
        let path = self.directory.join("identity.json");
        let now = self.identity_here()?;
        let Ok(text) = std::fs::read_to_string(&path) else {
            std::fs::create_dir_all(&self.directory)
                .and_then(|()| std::fs::write(&path, format!("{:#}\n", json!(now))))
                .with_context(|| {
                    format!("cannot write {}; name another directory with --dir", path.display())
                })?;
            return Ok(());
        };
        let before: Map<String, Value> = serde_json::from_str(&text)
            .with_context(|| format!("{} is damaged; remove {}", path.display(), self.directory.display()))?;
        let free = ["deliveries", "faults", BUILD];
        let counts = |key: &String| self.case.is_none() || !free.contains(&key.as_str());
        let now = now.into_iter().filter(|(key, _)| counts(key)).collect();
        let differences = differences(&before, &now);
        if differences.is_empty() {
            return Ok(());
        }
        let place = self.directory.display();
        bail!(
            "another sweep was begun in {place}: {}. To start anew remove that directory, or name another with --dir",
            differences.join("; ")
        )
    }
}

/// Results of one are none of another; a single case leaves no result, and is how a change is tried.
const BUILD: &str = "build of the program";

#[cfg(test)]
mod tests {
    use super::*;

    fn options(directory: &Path) -> Options {
        Options {
            target: "reference".to_owned(),
            definition: crate::server::find::find("reference", Path::new("")).expect("built in"),
            would_use: "0.1.0".to_owned(),
            defects: vec!["no-fsync".to_owned()],
            entries: vec![Ingress::Append],
            first: FirstDelivery::Without,
            wanted: Wanted { errno: true, fsync: false, cuts: vec![Keeper::Model(Profile::Xfs)] },
            case: None,
            repeat: 4,
            jobs: 1,
            keep: false,
            seed: 1,
            directory: directory.to_owned(),
            elsewhere: true,
            shard: Shard::WHOLE,
        }
    }

    #[test]
    fn the_command_says_every_choice() {
        let options = options(Path::new("d"));
        insta::assert_snapshot!(options.command(None), @"fermoposta sweep reference --defect no-fsync --dir d --entry append --first-delivery without --faults errno,cuts --profiles xfs");
        let part = Options { shard: Shard::new(2, 4).expect("there is one"), ..options.clone() };
        assert!(part.command(None).ends_with(" --profiles xfs --shard 2/4"));
        insta::assert_snapshot!(options.command(Some("append.later.answer.cut-xfs")), @"fermoposta sweep reference --defect no-fsync --dir d --case append.later.answer.cut-xfs");
    }

    #[test]
    fn a_directory_goes_on_with_its_own_sweep_only() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().join("sweep");
        options(&directory).claim_directory().expect("it is new");
        options(&directory).claim_directory().expect("it is the same");
        let other = Options { seed: 2, ..options(&directory) };
        let error = other.claim_directory().expect_err("another seed").to_string();
        assert!(error.contains("its seed is 1, not 2"), "{error}");
        assert!(error.contains("or name another with --dir"), "{error}");
        let chosen = Options { entries: Vec::new(), ..options(&directory) };
        assert!(chosen.claim_directory().is_err());
        Options { case: Some("one".to_owned()), ..chosen }
            .claim_directory()
            .expect("one case stands on the same");
    }

    #[test]
    fn results_of_another_build_do_not_count_and_one_case_is_tried_with_it() {
        let place = tempfile::tempdir().expect("a directory");
        let options = options(place.path());
        options.claim_directory().expect("it is new");
        let file = place.path().join("identity.json");
        let text = std::fs::read_to_string(&file).expect("noted");
        std::fs::write(&file, text.replace(&build().expect("known"), "another")).expect("written");
        let error = options.claim_directory().expect_err("another build").to_string();
        assert!(error.contains("its build of the program is \"another\", not \""), "{error}");
        Options { case: Some("one".to_owned()), ..options }.claim_directory().expect("one case");
    }

    #[test]
    fn an_entry_that_is_not_offered_is_refused() {
        let asked = Options { entries: vec![Ingress::Smtp], ..options(Path::new("d")) };
        let error = asked.deliveries().expect_err("there is no SMTP").to_string();
        assert_eq!(error, "reference does not listen for smtp; it offers lmtp, append");
    }
}
