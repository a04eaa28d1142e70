//! What file systems were held against, without having them: enough to share its sequences out, to say what is missing, and to
//! make one result of several.

use super::agreement;
use crate::campaign::journal::Named;
use crate::campaign::many_runs::{ManyRuns, Merged, Wanted};
use crate::campaign::write_whole::write_whole;
use crate::exit::say;
use crate::machine::environment;
use crate::persistence::checked::{self, CameTo, Checked};
use crate::persistence::verify::Request;
use anyhow::Result;
use record::plan::device::Filesystem;
use record::plan::quoted;
use reports::agreement::{Agreement, forms, text};
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use strum::VariantArray;

/// What was asked for, and whose file systems they are.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outline {
    pub request: Request,
    pub kernel: String,
}

impl Named for Checked {
    fn name(&self) -> &str {
        &self.name
    }
}

impl Outline {
    /// With the kernel of this machine.
    pub(crate) fn here(request: Request) -> Outline {
        Outline { request, kernel: environment::kernel() }
    }

    /// Where the results of a part lie unless the user says otherwise.
    pub(crate) fn usual_directory(shard: Shard) -> PathBuf {
        format!("fermoposta-runs/persistence{}", shard.suffix()).into()
    }

    /// The command that does it again, and perhaps leaves its results in a directory.
    pub(crate) fn again(&self, directory: Option<&Path>) -> String {
        let Request { pairs, seed, sequences, cuts, shard } = &self.request;
        let names: Vec<String> = pairs.iter().map(|(filesystem, _)| filesystem.to_string()).collect();
        let mut command = "fermoposta persistence verify".to_owned();
        if names.len() < Filesystem::VARIANTS.len() {
            let _ = write!(command, " --filesystem {}", names.join(","));
        }
        if let Some((_, profile)) = pairs.iter().find(|(filesystem, profile)| filesystem.model() != *profile)
        {
            let _ = write!(command, " --persistence {profile}");
        }
        let _ = write!(command, " --seed {seed} --sequences {sequences} --cuts {cuts}");
        shard.as_part().into_iter().for_each(|shard| command += &format!(" --shard {shard}"));
        let directory =
            directory.filter(|directory| !shard.is_part() || *directory != Outline::usual_directory(*shard));
        directory
            .into_iter()
            .for_each(|place| command += &format!(" --dir {}", quoted(&place.display().to_string())));
        command
    }
}

impl ManyRuns for Outline {
    const NAME: &'static str = "persistence";
    type Outcome = Checked;

    fn identity(&self) -> Result<Map<String, Value>> {
        let Request { pairs, seed, sequences, cuts, shard: _ } = &self.request;
        let all = json!({
            "file systems": pairs, "seed": seed, "sequences": sequences, "cuts": cuts, "kernel": self.kernel,
        });
        Ok(all.as_object().cloned().unwrap_or_default())
    }

    fn runs(&self) -> Vec<Wanted> {
        let numbers = 0..self.request.sequences;
        let of =
            |filesystem: Filesystem| numbers.clone().map(move |number| checked::name(filesystem, number));
        let names = self.request.pairs.iter().flat_map(|(filesystem, _)| of(*filesystem));
        names.map(|name| Wanted { key: name.clone(), title: name }).collect()
    }

    fn came_to(outcome: &Checked) -> String {
        match &outcome.came_to {
            CameTo::Agrees(_) => "every state is allowed",
            CameTo::Differs(..) => "a state is not allowed",
            CameTo::NotCompared(_) => "it could not be compared",
        }
        .to_owned()
    }

    fn command(&self, shard: Shard, directory: &Path) -> String {
        self.of(shard).again(Some(directory))
    }

    fn finish(&self, merged: &Merged<'_, Checked>) -> Result<Verdict> {
        let whole = self.of(Shard::WHOLE);
        let checked: Vec<Checked> =
            self.runs().iter().filter_map(|run| merged.done.get(&run.key)).cloned().collect();
        let agreement = agreement(&whole, &checked, merged.environment.clone(), whole.again(None));
        write(&agreement, merged.directory)?;
        say(text::render(&agreement))?;
        Ok(agreement.verdict)
    }
}

impl Outline {
    fn of(&self, shard: Shard) -> Outline {
        Outline { request: Request { shard, ..self.request.clone() }, ..self.clone() }
    }
}

/// Every form of it.
pub(super) fn write(agreement: &Agreement, directory: &Path) -> Result<()> {
    for format in forms::FORMATS {
        let name = format!("persistence.{}", format.extension);
        write_whole(&directory.join(name), (format.render)(agreement).as_bytes())?;
    }
    Ok(())
}
