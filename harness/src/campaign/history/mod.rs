mod over_time;
mod read;
pub(crate) use read::{Source, read};
mod history;
pub(crate) use history::history;
mod one_run;
