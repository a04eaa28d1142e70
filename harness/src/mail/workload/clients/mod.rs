pub(crate) mod client;
pub(crate) mod held;
pub(crate) mod pace;
pub(crate) mod run;
pub(crate) mod standing;
pub(crate) mod webmail;
