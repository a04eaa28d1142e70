use crate::call::Op;
use crate::nearest::nearest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::VariantArray;

/// An operation or a group of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub enum OpSelector {
    /// One operation.
    One(Op),
    /// Several, under one name.
    Group(OpGroup),
}

impl TryFrom<String> for OpSelector {
    type Error = UnknownOp;
    fn try_from(text: String) -> Result<OpSelector, UnknownOp> {
        if let Ok(group) = text.parse() {
            return Ok(OpSelector::Group(group));
        }
        text.parse().map(OpSelector::One).map_err(|_| UnknownOp(text))
    }
}

/// Operations under one name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::VariantArray, strum::IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum OpGroup {
    All,
    /// Operations on content.
    Data,
    /// Operations on anything but content.
    Metadata,
    /// Operations that change nothing.
    Reads,
    /// Operations that change content.
    Writes,
    /// fsync and fsyncdir.
    Sync,
    /// Operations that make, move or remove names.
    Names,
}

/// A text that names no operation and no group.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", unknown_op(.0))]
pub struct UnknownOp(String);

fn unknown_op(text: &str) -> String {
    let groups = OpGroup::VARIANTS.iter().map(<&str>::from);
    let ops = Op::VARIANTS.iter().map(<&str>::from);
    match nearest(text, groups.clone().chain(ops.clone())) {
        Some(near) => format!("`{text}` is not an operation; did you mean `{near}`?"),
        None => {
            let list = |names: Vec<&str>| names.join(", ");
            format!(
                "`{text}` is not an operation; write a group ({}) or one of {}",
                list(groups.collect()),
                list(ops.collect())
            )
        }
    }
}
