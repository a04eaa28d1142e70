mod client;
pub use client::{Class, run, served_since};
pub(crate) use client::{Client, note, stopped_within};
pub mod held;
pub mod pace;
pub mod standing;
pub mod webmail;
