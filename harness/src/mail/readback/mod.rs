pub mod bounces;
mod readback;
pub(crate) use readback::{BATCH, TRIES, login_as, patience};
pub use readback::{ReadSummary, Reader, read_all};
