//! How many of its runs show what is said of a mail server.

use super::model::{Cell, Finding};
use crate::kit::class::{Class, Weight};

/// `LOST 5/5`; how often is left out where every run was as it should be.
pub(super) fn of_cell(cell: &Cell, repeat: u32) -> String {
    match cell.worst {
        None => "-".to_owned(),
        Some(Class::Intact) if cell.runs >= repeat => format!("ok {}", cell.runs),
        Some(class) => format!("{} {}/{}", class.symbol(), cell.shown, cell.runs),
    }
}

/// How sure a finding is: whether every run shows it.
pub(super) fn of_finding(finding: &Finding) -> String {
    let all = finding.shown == finding.runs;
    let note = if all || finding.class.weight() == Weight::Open { "" } else { ", not in every run" };
    format!("{} of {} runs{note}", finding.shown, finding.runs)
}
