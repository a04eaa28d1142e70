pub(crate) mod clients;
pub(crate) mod damage;
pub(crate) mod difference;
pub(crate) mod migrations;
pub(crate) mod senders;
pub(crate) mod series;
pub mod timeline;
