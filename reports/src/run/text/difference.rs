//! A difference in lines of plain text, as `hexdump -C` shows bytes: two lines a row, one above the other, with the
//! changed bytes in brackets. For the terminal, Markdown and JUnit.

use crate::kit::figures::grouped;
use crate::kit::inert::printable;
use crate::run::difference::{Difference, HexRow, HexSide, ROW};

/// Rows shown, from the beginning of the change on; all are on the page.
const MAX_ROWS: usize = 6;

/// The bytes, where they can be compared, and the two files that hold them: a line each.
pub(crate) fn lines(difference: &Difference) -> Vec<String> {
    let rows = difference.change.as_ref().map_or(&[][..], |change| &change.rows);
    let mut lines: Vec<String> = rows.iter().take(MAX_ROWS).flat_map(row).collect();
    let more = rows.len().saturating_sub(MAX_ROWS) as u64;
    lines.extend((more > 0).then(|| format!("... {} more rows in report.html", grouped(more))));
    lines.push(format!("sent:  {}", difference.sent_file));
    lines.push(format!("found: {}", difference.found_file));
    lines
}

/// [`lines`] below the sentence.
pub(crate) fn plain(difference: &Difference) -> Vec<String> {
    std::iter::once(difference.sentence.clone()).chain(lines(difference)).collect()
}

fn row(HexRow { skipped, sent, found }: &HexRow) -> Vec<String> {
    let skipped = (*skipped > 0).then(|| format!("... {} rows left out", grouped(*skipped)));
    skipped.into_iter().chain([side("sent ", sent), side("found", found)]).collect()
}

fn side(word: &str, side: &HexSide) -> String {
    let characters: String = side.bytes.0.iter().map(|byte| printable(*byte)).collect();
    format!("{word}  {:08x} {} |{characters}|", side.offset, hex(side))
}

/// Sixteen places of two digits each, and brackets around the changed ones.
fn hex(side: &HexSide) -> String {
    let bytes = &side.bytes.0;
    let changed = |n: usize| n < bytes.len() && side.is_changed(n);
    let edge = |n: usize| match (n > 0 && changed(n - 1), changed(n)) {
        (false, true) => '[',
        (true, false) => ']',
        (true, true) | (false, false) => ' ',
    };
    let digits = |n: usize| bytes.get(n).map_or("  ".to_owned(), |byte| format!("{byte:02x}"));
    let places: String = (0..ROW).map(|n| format!("{}{}", edge(n), digits(n))).collect();
    format!("{places}{}", edge(ROW))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::samples;

    #[test]
    fn changed_bytes_stand_in_brackets_and_only_printable_ones_as_characters() {
        insta::assert_snapshot!(lines(&samples::difference()).join("\n"), @"
        sent   00000ff0  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
        found  00000ff0  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
        sent   00001000  73[69 78 74]65[65 6e 20 6c 65 74 74]65 72 73 2e  |sixteen letters.|
        found  00001000  00[00 00 00]00[00 00 00 00 00 00 00]00 00 00 00  |................|
        sent   00001010 [73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e] |sixteen letters.|
        found  00001010 [00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00] |................|
        ... 29 rows left out
        sent   000011f0 [73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e] |sixteen letters.|
        found  000011f0 [00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00] |................|
        sent   00001200  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
        found  00001200  73 69 78 74 65 65 6e 20 6c 65 74 74 65 72 73 2e  |sixteen letters.|
        sent:  damaged/1a2b3c4d-0-1/sent.eml
        found: damaged/1a2b3c4d-0-1/1-fetch-imap.eml
        ");
    }

    #[test]
    fn where_nothing_can_be_compared_the_files_are_named_all_the_same() {
        assert_eq!(lines(&Difference { change: None, ..samples::difference() }).len(), 2);
    }
}
