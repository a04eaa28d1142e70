pub mod directory;
pub mod history;
pub mod ledger;
pub mod message;
pub mod plan;
pub mod synthetic;
