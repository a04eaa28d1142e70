pub(crate) mod client;
pub mod held;
pub mod pace;
pub mod run;
pub mod standing;
pub mod webmail;
