//! `compare-stores`: a mail store before a migration and after it.

use super::access::AccessArgs;
use super::export;
use super::inventory::interrupted;
use crate::campaign::compare_stores::{Asked, compare};
use crate::exit::{Exit, say};
use crate::machine::stop;
use anyhow::Result;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use reports::kit::json::to_json;
use reports::stores::Kind;
use reports::stores::forms::FORMATS;
use reports::stores::text;
use std::path::PathBuf;

pub(crate) const EXIT_CODES: &str = "Exit codes: 0 B holds what A holds, 1 something differs, 2 not all could be read, 64 bad command line, or an inventory that is \
                                     cut, changed or of another form, 70 trouble with server or machine, 130 interrupted.";

#[derive(Debug, Args)]
pub(crate) struct CompareStoresArgs {
    /// The store before: an inventory, or what `inventory` can read.
    a: String,
    /// The store after.
    b: String,
    /// Whose mail to read, where a side is no inventory (see `inventory --help`).
    #[arg(long, value_name = "LIST")]
    users: Option<PathBuf>,
    /// The list for B, if it is another.
    #[arg(long, value_name = "LIST")]
    users_b: Option<PathBuf>,
    #[command(flatten)]
    access: AccessArgs,
    /// A kind of difference that is counted and shown, but decides nothing; repeatable.
    #[arg(long = "accept", value_name = "KIND", value_parser = kind())]
    accepted: Vec<Kind>,
    /// How many of each kind, and how many users, are named.
    #[arg(long = "name", value_name = "N", default_value_t = 1_000)]
    most: u64,
    /// Print the result as JSON on standard output instead of the summary.
    #[arg(long)]
    json: bool,
    /// Write the result to FILE, in the format of its extension: .json, .xml (JUnit), .md, .html, .txt; repeatable.
    #[arg(long = "export", value_name = "FILE")]
    exports: Vec<PathBuf>,
}

/// Names of kinds that may be accepted.
pub(crate) fn kind() -> impl TypedValueParser<Value = Kind> {
    let of = |name: &str| Kind::ALL.into_iter().find(|kind| kind.name() == name);
    let names = Kind::ALL.into_iter().filter(|kind| kind.can_be_accepted()).map(Kind::name);
    PossibleValuesParser::new(names).map(move |name| of(&name).expect("only names of kinds are let through"))
}

pub(crate) fn run(args: CompareStoresArgs) -> Result<Exit> {
    export::check(&args.exports, FORMATS)?;
    stop::install()?;
    let CompareStoresArgs { a, b, users, users_b, access, accepted, most, json, exports } = args;
    let users_b = users_b.or_else(|| users.clone());
    let stores = match compare(&Asked { a, b, users, users_b, access: access.access()?, accepted, most }) {
        Ok(stores) => stores,
        Err(error) => return interrupted(error),
    };
    say(match json {
        true => to_json(&stores),
        false => text::render(&stores, super::output::style()),
    })?;
    export::write(&exports, FORMATS, &stores)?;
    Ok(stores.verdict.into())
}
