//! What a Fermoposta result is ([`run::Report`] and the models of the other documents) and how it looks. Rendering is a pure function of the model.
//!
//! Strings in a report come from mail, servers and file names, so they are hostile. [`kit::inert`] is the one place
//! that makes them harmless; every renderer for people starts there, and JSON escapes what it would.

pub mod agreement;
pub mod campaign;
pub mod comparison;
pub mod cuts;
#[cfg(test)]
mod documents;
pub mod history;
pub mod kit;
pub mod movers;
pub mod policies;
pub mod rehearsal;
pub mod run;
pub mod stores;
pub mod survey;
pub mod sweep;
