pub mod bounces;
mod readback;
pub use readback::{ReadSummary, Reader, read_all};
