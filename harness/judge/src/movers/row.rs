//! All cuts of one mover on one storage, as a row of the result.

use super::cut::Cut;
use super::unsynced::Unsynced;
use reports::kit::verdict::Verdict;
use reports::movers::{Fate, Row};

/// What was tried.
#[derive(Clone, Debug)]
pub struct Tried<'a> {
    pub mover: &'a str,
    pub version: &'a str,
    pub persistence: &'a str,
    /// Calls at the destination that change something or make it durable.
    pub calls: u64,
    /// Those that show something.
    pub cuts: &'a [Cut],
    /// Those that do not.
    pub open: u64,
    /// The case after the mover's end with nothing that survives by chance.
    pub end: &'a str,
}

impl Tried<'_> {
    /// As a row.
    #[must_use]
    pub fn row(&self) -> Row {
        let of = |which: fn(&Cut) -> bool| self.cuts.iter().filter(|cut| which(cut)).count() as u64;
        let (lost, met) = (of(|cut| cut.worst() == Some(Fate::Lost)), of(|cut| cut.pending > 0));
        let damaged = of(|cut| cut.worst() == Some(Fate::Damaged));
        let end = self.cuts.iter().find(|cut| cut.case == self.end);
        let unsynced = |which: fn(&Unsynced) -> bool| {
            end.map(|end| end.unsynced.values().filter(|of| which(of)).count() as u64)
        };
        Row {
            mover: self.mover.to_owned(),
            mover_version: self.version.to_owned(),
            persistence: self.persistence.to_owned(),
            verdict: verdict(lost + damaged, met, self.open),
            calls: self.calls,
            cuts: self.cuts.len() as u64,
            met,
            lost,
            damaged,
            doubled: of(|cut| cut.doubled > 0),
            fragments: of(|cut| cut.fragments > 0 && cut.gone.is_empty()),
            left: of(|cut| cut.left > 0),
            open: self.open,
            content_not_synced: unsynced(|of| of.content),
            name_not_synced: unsynced(|of| of.name),
        }
    }
}

/// Where no cut met anything, nothing could have been lost by it.
fn verdict(bad: u64, met: u64, open: u64) -> Verdict {
    match (bad, met, open) {
        (1.., _, _) => Verdict::Invalid,
        (0, 1.., 0) => Verdict::Valid,
        (0, _, _) => Verdict::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_valid_that_met_nothing_or_left_something_open() {
        let all = [verdict(1, 0, 1), verdict(0, 3, 0), verdict(0, 0, 0), verdict(0, 3, 1)];
        assert_eq!(all, [Verdict::Invalid, Verdict::Valid, Verdict::Unknown, Verdict::Unknown]);
    }
}
