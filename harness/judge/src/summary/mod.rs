pub mod clients;
pub mod damage;
pub mod difference;
pub mod migrations;
pub mod senders;
pub mod series;
pub mod timeline;
