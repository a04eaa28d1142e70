pub(crate) mod bounces;
pub(crate) mod one;
mod readback;
#[cfg(test)]
pub(crate) use readback::ReadSummary;
pub(crate) use readback::{Reader, read_all};
