//! Fermoposta.
fn main() {}
