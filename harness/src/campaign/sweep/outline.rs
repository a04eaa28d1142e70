//! A sweep without its runs: enough to share its cases out, to say what is missing, and to make one result of several.

use super::cases::{Counted, cases};
use super::options::Options;
use super::prepare::Prepared;
use super::results::CaseResult;
use super::{summary, sweep};
use crate::campaign::many_runs::{ManyRuns, Merged, Wanted};
use anyhow::Result;
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// A sweep, seen from its results.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Outline {
    pub options: Options,
    /// Version of the mail server, as it says it itself.
    pub target_version: Option<String>,
    /// Deliveries with their calls.
    pub counted: Vec<Counted>,
}

impl Outline {
    pub(crate) fn of(options: &Options, prepared: &Prepared) -> Outline {
        Outline {
            options: options.clone(),
            target_version: prepared.target_version.clone(),
            counted: prepared.counted.clone(),
        }
    }
}

impl ManyRuns for Outline {
    const NAME: &'static str = "sweep";
    type Outcome = CaseResult;

    /// Calls that were counted otherwise are other cases, though they have the same names.
    fn identity(&self) -> Result<Map<String, Value>> {
        let mut all = self.options.identity()?;
        for Counted { delivery, calls } in &self.counted {
            let digest = blake3::hash(&serde_json::to_vec(calls)?).to_hex();
            let words = format!("{}, digest {}", calls.len(), &digest[..16]);
            all.insert(format!("number of calls of {delivery}"), words.into());
        }
        Ok(all)
    }

    fn runs(&self) -> Vec<Wanted> {
        let cases = cases(&self.counted, &self.options.wanted);
        cases.iter().map(|case| Wanted { key: case.id(), title: case.id() }).collect()
    }

    fn came_to(outcome: &CaseResult) -> String {
        outcome.class.words().to_owned()
    }

    fn command(&self, shard: Shard, directory: &Path) -> String {
        let options = self.options.clone();
        Options { shard, directory: directory.to_owned(), elsewhere: true, ..options }.command(None)
    }

    fn finish(&self, merged: &Merged<'_, CaseResult>) -> Result<Verdict> {
        let directory = merged.directory.to_owned();
        // Its cases stand on a store that is not there: whoever runs one makes it anew.
        let options = Options { shard: Shard::WHOLE, directory, elsewhere: false, ..self.options.clone() };
        let outline = Outline { options, ..self.clone() };
        let speed = format!("merged from {} directories", merged.parts.len());
        let sweep =
            summary::sweep(&outline, &cases(&outline.counted, &outline.options.wanted), merged.done, speed);
        sweep::write(&sweep, merged.directory)?;
        Ok(sweep.verdict)
    }
}
