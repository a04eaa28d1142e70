//! How users prove to a server who they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a password, or a token in its place, is brought to a server.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Mechanism {
    /// PLAIN where it is offered, else LOGIN.
    #[default]
    Any,
    /// PLAIN alone (RFC 4616).
    Plain,
    /// LOGIN alone.
    Login,
    /// A bearer token by XOAUTH2: the password is the token.
    Xoauth2,
}
