pub(crate) mod again;
pub(crate) mod agreement;
pub(crate) mod compare;
pub(crate) mod compare_stores;
mod compared_runs;
pub(crate) mod gate;
pub(crate) mod journal;
pub(crate) mod many_runs;
pub(crate) mod matrix;
pub(crate) mod merge;
pub(crate) mod rehearse;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod saved;
pub(crate) mod shown;
pub(crate) mod survey;
pub(crate) mod sweep;
pub(crate) mod work;
pub(crate) mod write_whole;
