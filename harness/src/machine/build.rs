//! Which build of the program this is.

use anyhow::{Context, Result};
use std::sync::OnceLock;

/// As much of the digest as tells builds apart.
const SHOWN: usize = 16;

/// The beginning of the digest of the very file that runs: two programs that differ in a byte have two, wherever and whenever
/// they were built, and one that was replaced on the disk since has its own still.
///
/// # Errors
/// The kernel does not show it.
pub(crate) fn build() -> Result<String> {
    static BUILD: OnceLock<String> = OnceLock::new();
    if let Some(known) = BUILD.get() {
        return Ok(known.clone());
    }
    let digest = of_file("/proc/self/exe").context("cannot read /proc/self/exe; is /proc mounted?")?;
    Ok(BUILD.get_or_init(|| digest).clone())
}

fn of_file(path: &str) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex()[..SHOWN].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_program_has_one_and_another_byte_makes_another() {
        let place = tempfile::tempdir().expect("a directory");
        let copy = place.path().join("copy");
        let itself = std::fs::read("/proc/self/exe").expect("readable");
        let of_copy = |bytes: &[u8]| {
            std::fs::write(&copy, bytes).expect("written");
            of_file(copy.to_str().expect("text")).expect("readable")
        };
        assert_eq!(of_copy(&itself), build().expect("readable"));
        assert_ne!(of_copy(&[&itself[..], b"\n"].concat()), build().expect("readable"));
    }
}
