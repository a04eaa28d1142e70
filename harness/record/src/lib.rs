pub mod directory;
pub mod history;
pub mod inventory;
pub mod ledger;
pub mod message;
pub mod plan;
pub mod series;
pub mod synthetic;
