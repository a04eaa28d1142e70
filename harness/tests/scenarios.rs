//! Scenarios as tests.
fn main() {}
