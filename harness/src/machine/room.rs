//! Whether the disk beneath a path is full.

use super::mounts;
use fuse_fs::units::Bytes;
use nix::sys::statvfs::statvfs;
use std::path::Path;

/// With less than this left nothing can be recorded any more.
const LITTLE: u64 = 256 << 10;

/// In words, if it is: the path, how large the disk is and which.
pub(crate) fn full(path: &Path) -> Option<String> {
    // What has no size is no disk.
    let disk = statvfs(path).ok().filter(|disk| disk.blocks() > 0)?;
    let blocks = if nix::unistd::geteuid().is_root() { disk.blocks_free() } else { disk.blocks_available() };
    let (free, size) = (blocks * disk.fragment_size(), disk.blocks() * disk.fragment_size());
    // A file system that does not count files says that it has none.
    let no_files = disk.files() > 0 && disk.files_free() == 0;
    let left = match (free < LITTLE, no_files) {
        (true, _) => Bytes(free).to_string(),
        (false, true) => "room for no further file".to_owned(),
        (false, false) => return None,
    };
    let disk = mounts::beneath(path).map_or(String::new(), |mount| format!(": {}", mounts::words(&mount)));
    let path = reports::kit::inert::inert(&path.display().to_string());
    Some(format!("the disk beneath {path} is full ({left} of {} left{disk})", Bytes(size)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_with_room_and_no_disk_at_all_are_not_full() {
        assert_eq!(full(Path::new("/no/such place")), None);
        assert_eq!(full(Path::new("/proc")), None);
        assert_eq!(full(&std::env::temp_dir()), None);
    }
}
