pub mod compare;
pub mod journal;
pub mod rehearse;
pub mod saved;
pub mod shown;
pub mod survey;
pub mod sweep;
pub mod write_whole;
