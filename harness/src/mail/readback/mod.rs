pub mod bounces;
pub mod one;
mod readback;
pub use readback::{ReadSummary, Reader, read_all};
