pub(crate) mod clients;
pub(crate) mod cohorts;
pub(crate) mod commands;
pub(crate) mod devices;
pub(crate) mod errors;
mod external;
pub(crate) mod file;
mod load;
pub(crate) mod troubles;
pub(crate) use load::{
    demonstrates, describe_below, describe_shipped, files_below, load, plan, schema, text, variants,
};
pub(crate) mod names;
pub(crate) mod overrides;
pub(crate) mod parse;
pub(crate) mod places;
pub(crate) mod resolve;
pub(crate) mod sender_files;
#[cfg(test)]
mod sender_table;
pub(crate) mod senders;
pub(crate) mod shipped;
pub(crate) mod statements;
pub(crate) mod steps;
pub(crate) mod storages;
pub(crate) mod story;
pub(crate) mod variants;
pub(crate) mod windows;
