//! The strings of a comparison.

use super::clean;
use crate::comparison::{Compared, Comparison, Difference, Row};

/// Every string of a comparison comes from a report or a command line.
#[must_use]
pub(crate) fn comparison(comparison: &Comparison) -> Comparison {
    let mut comparison = comparison.clone();
    let Comparison {
        schema_version: _,
        outcome: _,
        sentence,
        scenario,
        target,
        decides,
        rows,
        caveats,
        differences,
        runs,
        version,
        reproduce,
    } = &mut comparison;
    [sentence, scenario, target, version, reproduce].into_iter().for_each(clean);
    decides.iter_mut().chain(caveats).for_each(clean);
    rows.iter_mut().for_each(clean_row);
    for Difference { what, baseline, candidate } in differences {
        [what, baseline, candidate].into_iter().for_each(clean);
    }
    for Compared { side: _, directory, seed: _, started, verdict: _, sentence, reproduce } in runs {
        [directory, started, sentence, reproduce].into_iter().for_each(clean);
    }
    comparison
}

fn clean_row(row: &mut Row) {
    let Row {
        of,
        measure: _,
        baseline: _,
        candidate: _,
        ratio: _,
        noise: _,
        limit: _,
        never: _,
        judgement: _,
        doubt: _,
    } = row;
    clean(of);
}
