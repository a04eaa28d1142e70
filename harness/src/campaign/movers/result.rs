//! What all movers came to. Pure.

use super::bench::{Measured, end};
use super::options::Options;
use judge::movers::cut::Cut;
use judge::movers::row::Tried;
use record::message::Outgoing;
use reports::kit::figures::counted;
use reports::kit::verdict::Verdict;
use reports::movers::{BadCut, BadMessage, Movers, OpenCut, Row, SCHEMA_VERSION};

/// One mover on one storage.
pub(super) struct Tested {
    /// As the user named it.
    pub(super) given: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) persistence: String,
    pub(super) measured: Measured,
}

/// The whole result; `messages` are those that were moved each time.
pub(super) fn movers(options: &Options, tested: &[Tested], messages: &[Outgoing]) -> Movers {
    let rows: Vec<Row> = tested.iter().map(row).collect();
    let verdict = rows.iter().map(|row| row.verdict).max().unwrap_or(Verdict::Unknown);
    Movers {
        schema_version: SCHEMA_VERSION,
        verdict,
        sentence: sentence(&rows),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        messages: options.messages.into(),
        seed: options.seed,
        reproduce: options.command(),
        bad: tested.iter().flat_map(|one| bad(options, one, messages)).collect(),
        open: tested.iter().flat_map(open).collect(),
        rows,
    }
}

fn row(tested: &Tested) -> Row {
    let Measured { calls, cuts, open } = &tested.measured;
    let tried = Tried {
        mover: &tested.name,
        version: &tested.version,
        persistence: &tested.persistence,
        calls: *calls,
        cuts,
        open: open.len() as u64,
        end: &end(),
    };
    tried.row()
}

fn sentence(rows: &[Row]) -> String {
    let of = |which: fn(&Row) -> u64| rows.iter().map(which).sum::<u64>();
    let (cuts, bad, met) = (of(|row| row.cuts), of(|row| row.lost + row.damaged), of(|row| row.met));
    let all = counted(cuts, "power cut", "power cuts");
    let found = match (bad, cuts, met) {
        (1.., _, _) => format!(
            "Deleted at the source, not durable at the destination: {bad} of {all} lost or damaged a message."
        ),
        (0, 0, _) => "No power cut shows anything.".to_owned(),
        (0, _, 0) => format!("None of {all} met anything that was not durable: nothing is proved."),
        (0, _, _) => format!("None of {all} lost or damaged a message that was deleted at the source."),
    };
    let idle = rows.iter().filter(|row| row.cuts == 0).count() as u64;
    let open = of(|row| row.open).saturating_sub(idle);
    let idle = (idle > 0).then(|| format!(" In {} nothing could be cut.", counted(idle, "row", "rows")));
    let open = (open > 0).then(|| {
        format!(
            " {} nothing.",
            if open == 1 { "1 cut proves".to_owned() } else { format!("{open} cuts prove") }
        )
    });
    found + &idle.unwrap_or_default() + &open.unwrap_or_default()
}

fn bad<'a>(
    options: &'a Options,
    tested: &'a Tested,
    messages: &'a [Outgoing],
) -> impl Iterator<Item = BadCut> + 'a {
    let cut = move |cut: &Cut| {
        let gone = cut.gone.iter().map(|gone| BadMessage {
            message_id: message_id(messages, gone.message.0),
            fate: gone.fate,
            found: gone.words(),
        });
        Some(BadCut {
            mover: tested.name.clone(),
            persistence: tested.persistence.clone(),
            case: cut.case.clone(),
            call: cut.call.clone(),
            fate: cut.worst()?,
            messages: gone.collect(),
            reproduce: options.command_for(&tested.given, &tested.persistence, &cut.case),
        })
    };
    tested.measured.cuts.iter().filter_map(cut)
}

fn message_id(messages: &[Outgoing], number: u64) -> String {
    let at = usize::try_from(number).unwrap_or(usize::MAX).wrapping_sub(1);
    let id = messages.get(at).and_then(|sent| record::inventory::line::Facts::of(&sent.bytes).message_id);
    id.unwrap_or_else(|| format!("message {number}"))
}

fn open(tested: &Tested) -> impl Iterator<Item = OpenCut> + '_ {
    tested.measured.open.iter().map(|(case, why)| OpenCut {
        mover: tested.name.clone(),
        persistence: tested.persistence.clone(),
        case: case.clone(),
        why: why.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(cuts: u64, met: u64, lost: u64, open: u64) -> Row {
        let tried = Tried {
            mover: "m",
            version: "1",
            persistence: "xfs",
            calls: 0,
            cuts: &[],
            open,
            end: "end.drop-unsynced",
        };
        Row { cuts, met, lost, ..tried.row() }
    }

    #[test]
    fn the_sentence_claims_no_more_than_was_seen() {
        let of = |rows: &[Row]| sentence(rows);
        insta::assert_snapshot!(of(&[row(9, 5, 2, 0), row(0, 0, 0, 1)]), @"Deleted at the source, not durable at the destination: 2 of 9 power cuts lost or damaged a message. In 1 row nothing could be cut.");
        insta::assert_snapshot!(of(&[row(9, 5, 0, 0)]), @"None of 9 power cuts lost or damaged a message that was deleted at the source.");
        insta::assert_snapshot!(of(&[row(9, 0, 0, 2)]), @"None of 9 power cuts met anything that was not durable: nothing is proved. 2 cuts prove nothing.");
        insta::assert_snapshot!(of(&[row(0, 0, 0, 1)]), @"No power cut shows anything. In 1 row nothing could be cut.");
    }
}
