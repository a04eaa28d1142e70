use fuse_fs::mount::trace::{FsEvent, Line};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

/// Every call of one storage's trace, in the order of their beginnings.
///
/// # Errors
/// It cannot be read, or a line of it makes no sense.
pub fn events(path: &Path) -> io::Result<Vec<FsEvent>> {
    let mut events: Vec<FsEvent> = Vec::new();
    let damaged = lines(path, |text| Line::parse(text).ok(), |line| events.extend(line.event()))?;
    if damaged > 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            format!("{damaged} of its lines make no sense"),
        ));
    }
    events.sort_by_key(|event| (event.at, event.seq));
    Ok(events)
}

/// Reads lines of JSON; returns how many made no sense.
pub(crate) fn stream<T: DeserializeOwned>(path: &Path, each: impl FnMut(T)) -> io::Result<u64> {
    lines(path, |text| serde_json::from_slice(text).ok(), each)
}

fn lines<T>(path: &Path, parse: impl Fn(&[u8]) -> Option<T>, mut each: impl FnMut(T)) -> io::Result<u64> {
    let mut input = BufReader::with_capacity(1 << 16, File::open(path)?);
    let (mut text, mut damaged) = (Vec::new(), 0);
    loop {
        text.clear();
        if input.read_until(b'\n', &mut text)? == 0 {
            return Ok(damaged);
        }
        match parse(&text) {
            Some(line) => each(line),
            None => damaged += 1,
        }
    }
}
