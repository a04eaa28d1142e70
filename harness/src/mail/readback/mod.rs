pub(crate) mod bounces;
pub(crate) mod one;
mod readback;
pub use readback::{ReadSummary, Reader, read_all};
