use nix::dir::Type;
use std::ffi::OsString;
use std::sync::Arc;

/// One entry of a listing.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub(crate) ino: u64,
    pub(crate) kind: Option<Type>,
    pub(crate) name: OsString,
}

/// A directory's entries at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing(pub(crate) Option<Arc<[Name]>>);
