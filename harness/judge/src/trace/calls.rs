use fuse_fs::clock::Nanos;

/// What the traces say for the pictures.
#[derive(Clone, Copy, Debug)]
pub struct Calls<'a> {
    /// When faults struck calls.
    pub struck: &'a [Nanos],
    /// From when until when faults held calls back; the end of time if they were never answered.
    pub held: &'a [(Nanos, Nanos)],
}
