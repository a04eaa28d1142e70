mod client;
pub use client::{Class, run, served_since};
pub mod held;
pub mod pace;
pub mod standing;
pub mod webmail;
