mod agenda;
mod campaign;
pub(crate) use campaign::run;
mod canary;
mod check;
mod file;
pub(crate) mod options;
pub(crate) mod outline;
mod prepare;
pub(crate) mod result;
mod runs;
#[cfg(test)]
mod samples;
mod summary;
