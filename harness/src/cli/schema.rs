use crate::scenario;

use crate::exit::{Exit, say};
use anyhow::Result;

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(crate) enum SchemaOf {
    /// Scenario files.
    Scenario,
    /// Target files.
    Target,
    /// Mover files.
    Mover,
    /// The JSON report.
    Report,
    /// The JSON result of a sweep.
    Sweep,
    /// The JSON result of a survey.
    Survey,
    /// The JSON result of a campaign.
    Campaign,
    /// The JSON result of `history`.
    History,
    /// The JSON result of `compare`.
    Comparison,
    /// The JSON result of `compare-stores`.
    Stores,
    /// The JSON result of `movers`.
    Movers,
    /// The JSON result of `policies`.
    Policies,
    /// The JSON result of a rehearsal.
    Rehearsal,
    /// The JSON result of `persistence verify`.
    Agreement,
}

pub(crate) fn schema(of: SchemaOf) -> Result<Exit> {
    let schema = match of {
        SchemaOf::Scenario => scenario::schema(),
        SchemaOf::Target => serde_json::to_value(schemars::schema_for!(record::plan::server::Definition))?,
        SchemaOf::Mover => serde_json::to_value(schemars::schema_for!(record::plan::mover::Mover))?,
        SchemaOf::Movers => serde_json::from_str(&reports::kit::json::schema::<reports::movers::Movers>())?,
        SchemaOf::Report => serde_json::from_str(&reports::kit::json::schema::<reports::run::Report>())?,
        SchemaOf::Survey => serde_json::from_str(&reports::kit::json::schema::<reports::survey::Survey>())?,
        SchemaOf::Campaign => {
            serde_json::from_str(&reports::kit::json::schema::<reports::campaign::Campaign>())?
        }
        SchemaOf::History => {
            serde_json::from_str(&reports::kit::json::schema::<reports::history::History>())?
        }
        SchemaOf::Comparison => {
            serde_json::from_str(&reports::kit::json::schema::<reports::comparison::Comparison>())?
        }
        SchemaOf::Policies => {
            serde_json::from_str(&reports::kit::json::schema::<reports::policies::Policies>())?
        }
        SchemaOf::Stores => serde_json::from_str(&reports::kit::json::schema::<reports::stores::Stores>())?,
        SchemaOf::Rehearsal => {
            serde_json::from_str(&reports::kit::json::schema::<reports::rehearsal::Rehearsal>())?
        }
        SchemaOf::Agreement => {
            serde_json::from_str(&reports::kit::json::schema::<reports::agreement::Agreement>())?
        }
        SchemaOf::Sweep => serde_json::from_str(&reports::kit::json::schema::<reports::sweep::Sweep>())?,
    };
    say(serde_json::to_string_pretty(&schema)? + "\n")?;
    Ok(Exit::Valid)
}
