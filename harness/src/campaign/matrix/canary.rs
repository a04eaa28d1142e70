//! The run with a known defect that every campaign, and every part of one, does before all others.

use super::file::CanaryFile;
use super::result::Ran;
use crate::campaign::many_runs::Wanted;
use record::plan::Plan;
use record::plan::keeper::Keeper;
use reports::campaign::{Canary, CanaryState};
use reports::kit::verdict::Verdict;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The canary, seen from its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CanaryOutline {
    /// Digest of all that its result depends on.
    pub key: String,
    pub scenario: String,
    pub target: String,
    pub storage: Option<Keeper>,
    pub defects: Vec<String>,
    /// What must come out violated.
    pub property: String,
}

impl CanaryOutline {
    pub(super) fn of(file: &CanaryFile, plan: &Plan, key: String) -> CanaryOutline {
        CanaryOutline {
            key: format!("canary-{key}"),
            scenario: plan.name.clone(),
            target: plan.target.server.clone(),
            storage: file.storage,
            defects: file.defects.clone(),
            property: file.property.clone(),
        }
    }

    pub(super) fn title(&self) -> String {
        let storage = self.storage.map_or(String::new(), |storage| format!(" on {storage}"));
        let defects = match self.defects.is_empty() {
            true => String::new(),
            false => format!(" with {}", self.defects.join(" and ")),
        };
        format!("canary: {}{defects}, {}{storage}", self.target, self.scenario)
    }

    pub(super) fn wanted(&self) -> Wanted {
        Wanted { key: self.key.clone(), title: self.title() }
    }

    /// Whether its run shows the defect.
    pub(super) fn is_found_in(&self, ran: &Ran) -> bool {
        ran.shows(&self.property, Verdict::Invalid)
    }

    pub(super) fn shown(&self, done: &HashMap<String, Ran>) -> Canary {
        let ran = done.get(&self.key);
        let state = match ran.map(|ran| self.is_found_in(ran)) {
            Some(true) => CanaryState::Found,
            Some(false) => CanaryState::NotFound,
            None => CanaryState::NotRun,
        };
        Canary {
            scenario: self.scenario.clone(),
            target: self.target.clone(),
            storage: self.storage.map(|storage| storage.to_string()),
            property: self.property.clone(),
            state,
            sentence: ran.map(|ran| ran.sentence.clone()).unwrap_or_default(),
            reproduce: ran.map(|ran| ran.reproduce.clone()),
        }
    }
}
