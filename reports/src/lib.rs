//! What a Fermoposta result is ([`model`]) and how it looks. Rendering is a pure function of the model.
//!
//! Strings in a report come from mail, servers and file names, so they are hostile. [`inert`] is the one place
//! that makes them harmless; every renderer for people starts there, and JSON escapes what it would.

pub mod class;
pub mod comparison;
pub mod csv;
pub mod difference;
pub mod figures;
pub mod format;
pub mod html;
pub mod inert;
pub mod json;
pub mod junit;
pub mod ledger;
pub mod markdown;
pub mod model;
pub mod openmetrics;
pub mod policies;
pub mod rehearsal;
mod runs;
pub mod series;
mod story;
pub mod survey;
pub mod sweep;
pub mod table;
pub mod text;
mod words;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod samples;
