//! A volume that holds no mail: files that a web portal shows, on the same storage as the mail.
//!
//! The files are made on the backing disk before the run and never change. A process of its own serves them through the
//! mount ([`server`]), because whoever reads a frozen mount is stuck in it. A client ([`visitor`]) asks for one after the
//! other all the while, open loop, and compares what it gets: it tells whether the storage's trouble reaches beyond mail,
//! and when the volume is back.

use record::plan::VolumePlan;
use std::io;
use std::path::Path;

/// Name of the file of that number.
pub(crate) fn file_name(number: u32) -> String {
    format!("picture-{number}.bin")
}

/// Content of a file: bytes that nothing can compress, the same at every call.
pub(super) fn content(seed: u64, volume: &str, number: u32, size: u64) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new_derive_key("fermoposta volume");
    hasher.update(&seed.to_le_bytes()).update(&number.to_le_bytes()).update(volume.as_bytes());
    let mut bytes = vec![0; usize::try_from(size).expect("volumes' files are small")];
    hasher.finalize_xof().fill(&mut bytes);
    bytes
}

/// Makes the volume's files below `root`, durably.
pub(crate) fn furnish(root: &Path, seed: u64, volume: &str, plan: &VolumePlan) -> io::Result<()> {
    std::fs::create_dir_all(root)?;
    for number in 0..plan.files {
        std::fs::write(root.join(file_name(number)), content(seed, volume, number, plan.size.0))?;
    }
    crate::machine::sync_tree::sync_tree(root)
}
