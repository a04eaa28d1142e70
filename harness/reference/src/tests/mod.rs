#[cfg(test)]
mod cuts;
#[cfg(test)]
mod power;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod told;

/// A directory in memory, where there is one: whole histories are gone through again and again, and the disk is modelled.
fn in_memory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a directory")
}
