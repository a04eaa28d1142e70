use record::series::damage::Damage;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Larger files hold nothing of ours that is whole.
const LARGEST: u64 = 16 << 20;

/// All of a file, or what that says of an item that should be in it.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Damage> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|error| as_damage(&error))
}

pub(super) fn as_damage(error: &io::Error) -> Damage {
    match error.kind() {
        io::ErrorKind::NotFound => Damage::Absent,
        _ => Damage::Unreadable(error.to_string()),
    }
}
