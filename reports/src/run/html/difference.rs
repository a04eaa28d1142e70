//! A difference as the rows of a table: what was sent above what came back, byte above byte, with the changed bytes apart.

use crate::kit::figures::grouped;
use crate::kit::inert::printable;
use crate::run::difference::{Difference, HexRow, HexSide};

/// What is shown of it.
pub(super) struct DifferenceView<'a> {
    pub(super) difference: &'a Difference,
    pub(super) rows: Vec<Row>,
}

/// Two lines of the table.
pub(super) struct Row {
    /// Rows left out before it, where there are any.
    pub(super) skipped: Option<String>,
    pub(super) lines: [Line; 2],
}

/// The bytes of one side.
pub(super) struct Line {
    pub(super) who: &'static str,
    pub(super) offset: String,
    pub(super) hex: Vec<Piece>,
    pub(super) characters: Vec<Piece>,
}

/// Bytes that are all changed, or all not.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) changed: bool,
    pub(super) text: String,
}

impl<'a> DifferenceView<'a> {
    pub(super) fn of(difference: &'a Difference) -> DifferenceView<'a> {
        let rows = difference.change.iter().flat_map(|change| &change.rows).map(row).collect();
        DifferenceView { difference, rows }
    }
}

fn row(HexRow { skipped, sent, found }: &HexRow) -> Row {
    Row {
        skipped: (*skipped > 0).then(|| grouped(*skipped)),
        lines: [line("sent", sent), line("found", found)],
    }
}

fn line(who: &'static str, side: &HexSide) -> Line {
    Line {
        who,
        offset: format!("{:08x}", side.offset),
        hex: pieces(side, " ", |byte| format!("{byte:02x}")),
        characters: pieces(side, "", |byte| printable(byte).to_string()),
    }
}

/// Bytes in words of which each is followed by the separator, but for the last.
fn pieces(side: &HexSide, separator: &str, word: impl Fn(u8) -> String) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for (n, byte) in side.bytes.0.iter().enumerate() {
        let (changed, text) = (side.is_changed(n), word(*byte));
        match pieces.last_mut() {
            Some(last) if last.changed == changed => last.text += &format!("{separator}{text}"),
            // The separator is outside of what is marked.
            Some(last) if last.changed => pieces.push(Piece { changed, text: format!("{separator}{text}") }),
            Some(last) => {
                last.text += separator;
                pieces.push(Piece { changed, text });
            }
            None => pieces.push(Piece { changed, text }),
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::difference::Hex;

    #[test]
    fn changed_bytes_are_pieces_of_their_own_and_nothing_is_between_them() {
        let side = HexSide { offset: 16, bytes: Hex(b"<b>\x1bx".to_vec()), changed: 0b0_1100 };
        let shown = line("sent", &side);
        let text = |pieces: &[Piece]| {
            let text = |p: &Piece| if p.changed { format!("({})", p.text) } else { p.text.clone() };
            pieces.iter().map(text).collect::<String>()
        };
        assert_eq!(shown.offset, "00000010");
        assert_eq!(text(&shown.hex), "3c 62 (3e 1b) 78");
        assert_eq!(text(&shown.characters), "<b(>.)x");
    }
}
