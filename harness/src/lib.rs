//! Fermoposta breaks the storage under a mail server on purpose and proves whether one acknowledged message
//! was lost or damaged.

pub mod history;
pub mod plan;
pub mod reference;
pub mod target;
