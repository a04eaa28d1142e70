pub mod again;
pub mod compare;
pub mod gate;
pub mod journal;
pub mod rehearse;
#[cfg(test)]
pub(crate) mod samples;
pub mod saved;
pub mod shown;
pub mod survey;
pub mod sweep;
pub mod work;
pub mod write_whole;
