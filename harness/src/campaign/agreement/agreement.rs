//! What all sequences come to: whether profiles agree with the real file systems.

use super::outline::Outline;
use crate::campaign::many_runs::ManyRuns;
use crate::persistence::checked::{self, Checked};
use record::plan::shard::holds;
use reports::agreement::{Agreement, Difference, NotCompared, Row, SCHEMA_VERSION};
use reports::kit::figures::grouped;
use reports::kit::shard::Shard;
use reports::kit::verdict::Verdict;
use std::collections::BTreeSet;

/// What there is of it, in the order of its sequences, if the request's shard was to be done.
pub(crate) fn agreement(
    outline: &Outline,
    checked: &[Checked],
    environment: Vec<(String, String)>,
    reproduce: String,
) -> Agreement {
    let sum = Sum::of(outline, checked);
    let verdict = sum.verdict();
    Agreement {
        schema_version: SCHEMA_VERSION,
        verdict,
        sentence: sum.sentence(verdict),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        shard: sum.shard,
        rows: sum.rows,
        differences: sum.differences,
        not_compared: sum.not_compared,
        environment,
        reproduce,
    }
}

#[derive(Default)]
struct Sum {
    shard: Option<Shard>,
    /// Sequences of the shard that were not tried.
    missing: u64,
    rows: Vec<Row>,
    differences: Vec<Difference>,
    not_compared: Vec<NotCompared>,
}

impl Sum {
    fn of(outline: &Outline, checked: &[Checked]) -> Sum {
        let shard = outline.request.shard;
        let there: BTreeSet<&str> = checked.iter().map(|one| one.name.as_str()).collect();
        let own = outline.runs().into_iter().filter(|run| holds(shard, &run.title));
        Sum {
            shard: shard.as_part(),
            missing: own.filter(|run| !there.contains(run.key.as_str())).count() as u64,
            rows: checked::rows(&outline.request.pairs, checked),
            differences: checked::differences(checked),
            not_compared: checked::not_compared(checked),
        }
    }

    /// A file system whose cuts lost nothing showed nothing: every profile allows that all is kept. Of a part nobody can say that
    /// all is well.
    fn verdict(&self) -> Verdict {
        if self.rows.iter().any(|row| row.never > 0) {
            return Verdict::Invalid;
        }
        let open = self.lost_nothing() || !self.not_compared.is_empty() || self.missing > 0;
        if open || self.shard.is_some() { Verdict::Unknown } else { Verdict::Valid }
    }

    fn lost_nothing(&self) -> bool {
        self.rows.iter().any(|row| row.real.everything + row.real.some == 0)
    }

    fn sentence(&self, verdict: Verdict) -> String {
        let part = self.shard.map_or(String::new(), |shard| format!("Of {}: ", shard.words()));
        format!("{part}{}{}", self.words(verdict), self.and_missing())
    }

    fn and_missing(&self) -> String {
        match self.missing {
            0 => String::new(),
            n => format!(" {} sequences are missing.", grouped(n)),
        }
    }

    fn words(&self, verdict: Verdict) -> String {
        if verdict == Verdict::Invalid {
            let bad = self.rows.iter().filter(|row| row.never > 0).map(differing).collect::<Vec<_>>();
            return format!("{}.", bad.join("; "));
        }
        if !self.not_compared.is_empty() {
            return format!(
                "{} sequences could not be compared; of the others the profile allows every state.",
                self.not_compared.len()
            );
        }
        if self.lost_nothing() {
            return "No power cut between two calls lost anything: that proves nothing; try more sequences and cuts."
                .to_owned();
        }
        let cuts: u64 = self.rows.iter().map(|row| row.cuts).sum();
        format!("Every state that was left by {cuts} power cuts is one that the profile allows.")
    }
}

fn differing(row: &Row) -> String {
    let (bad, all) = (row.sequences - row.agreeing, row.sequences);
    format!("{} shows what {} does not allow after {bad} of {all} sequences", row.filesystem, row.profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(states: u64, never: u64) -> Row {
        let much = reports::agreement::HowMuch { everything: states, ..Default::default() };
        Row {
            filesystem: "xfs".into(),
            profile: "xfs".into(),
            sequences: 10,
            agreeing: 10 - never,
            cuts: 100,
            states,
            drawn: states - never,
            in_parts: 0,
            never,
            real: much.clone(),
            model: much,
            all_drawn: 0,
            unseen: 0,
            cuts_per_second: 1.0,
        }
    }

    fn said(sum: &Sum) -> String {
        let verdict = sum.verdict();
        format!("{} {}", verdict.word(), sum.sentence(verdict))
    }

    #[test]
    fn only_compared_states_make_it_valid() {
        let of = |states, never| said(&Sum { rows: vec![row(states, never)], ..Sum::default() });
        insta::assert_snapshot!([of(20, 0), of(20, 2), of(0, 0)].join("\n"), @r"
        VALID Every state that was left by 100 power cuts is one that the profile allows.
        INVALID xfs shows what xfs does not allow after 2 of 10 sequences.
        UNKNOWN No power cut between two calls lost anything: that proves nothing; try more sequences and cuts.
        ");
    }

    #[test]
    fn a_part_or_what_is_not_all_there_is_never_valid() {
        let all = |shard, missing| Sum { shard, missing, rows: vec![row(20, 0)], ..Sum::default() };
        let said = [said(&all(Shard::new(2, 4), 0)), said(&all(None, 7))];
        insta::assert_snapshot!(said.join("\n"), @r"
        UNKNOWN Of shard 2 of 4: Every state that was left by 100 power cuts is one that the profile allows.
        UNKNOWN Every state that was left by 100 power cuts is one that the profile allows. 7 sequences are missing.
        ");
    }
}
