//! Where that lay which a fault of a device names, in a line.

use record::ledger::entry::Placed;
use reports::kit::figures::{counted, grouped};

/// Paths that are named.
const SHOWN: usize = 3;

/// What it was told of, and where that is.
pub fn in_words(placed: &Placed) -> String {
    let Placed { rule, held, .. } = placed;
    if placed.is_nowhere() {
        return format!("{rule} found no sectors: no file or directory that it names has any");
    }
    let bytes: u64 = held.iter().flat_map(|one| &one.at).map(|(from, to)| to.saturating_sub(*from)).sum();
    let n = counted(held.len() as u64, "file or directory", "files and directories");
    let paths: Vec<&str> = held.iter().take(SHOWN).map(|one| one.path.as_str()).collect();
    let more = match held.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {} more", grouped(more as u64)),
    };
    format!("{rule} is on the sectors of {n} ({} bytes): {}{more}", grouped(bytes), paths.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use record::history::held::Held;

    fn words(paths: &[&str]) -> String {
        let held = |path: &&str| Held { path: (*path).to_owned(), at: vec![(0, 4096), (8192, 12288)] };
        let held = paths.iter().map(held).collect();
        in_words(&Placed { rule: "bad".to_owned(), held, ..Placed::default() })
    }

    #[test]
    fn a_few_are_named() {
        insta::assert_snapshot!(words(&[]), @"bad found no sectors: no file or directory that it names has any");
        insta::assert_snapshot!(words(&["u/1"]), @"bad is on the sectors of 1 file or directory (8,192 bytes): u/1");
        insta::assert_snapshot!(words(&["u/1", "u/2", "u/3", "u/4", "u/5"]), @"bad is on the sectors of 5 files and directories (40,960 bytes): u/1, u/2, u/3 and 2 more");
    }
}
