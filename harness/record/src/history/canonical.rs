//! The form of a message in which its digest is taken: every line ends with CRLF.

/// Hands out `raw` in pieces, with every lone LF replaced by CRLF.
pub fn canonical(raw: &[u8], mut piece: impl FnMut(&[u8])) {
    let mut rest = 0;
    for end in memchr::memchr_iter(b'\n', raw) {
        if end == 0 || raw[end - 1] != b'\r' {
            piece(&raw[rest..end]);
            piece(b"\r\n");
            rest = end + 1;
        }
    }
    piece(&raw[rest..]);
}
