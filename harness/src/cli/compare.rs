//! `compare`: before a change and after it.

use super::export;
use super::output::TableArgs;
use crate::campaign::compare::{Asked, compare};
use crate::exit::{Exit, say};
use anyhow::Result;
use clap::Args;
use reports::comparison::forms::FORMATS;
use reports::comparison::limits::Limit;
use reports::comparison::text;
use reports::kit::json::to_json;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(crate) struct CompareArgs {
    /// Directory of a run before the change, or of several: all that lie in it.
    baseline: PathBuf,
    /// The same after the change.
    candidate: PathBuf,
    /// Another run, or directory of runs, before the change; repeatable.
    #[arg(long = "baseline", value_name = "RUN")]
    baselines: Vec<PathBuf>,
    /// Another run, or directory of runs, after the change; repeatable.
    #[arg(long = "candidate", value_name = "RUN")]
    candidates: Vec<PathBuf>,
    /// How many times the baseline a figure may be: p50, p95, p99 (latencies), recovery; throughput may be the baseline
    /// divided by it; ok-share may be lower by it. Repeatable (default: p95=2, p99=2, ok-share=0.001).
    #[arg(long = "limit", value_name = "NAME=FACTOR")]
    limits: Vec<Limit>,
    /// Compare runs of different scenarios or mail servers too.
    #[arg(long)]
    unlike: bool,
    #[command(flatten)]
    output: TableArgs,
}

pub(crate) fn run(args: CompareArgs) -> Result<Exit> {
    let CompareArgs { baseline, candidate, baselines, candidates, limits, unlike, output } = args;
    export::check(&output.exports, FORMATS)?;
    let side = |first, others: Vec<PathBuf>| std::iter::once(first).chain(others).collect();
    let (baseline, candidate) = (side(baseline, baselines), side(candidate, candidates));
    let comparison = compare(&Asked { baseline, candidate, limits, unlike })?;
    say(match output.json {
        true => to_json(&comparison),
        false => text::render(&comparison, super::output::style()),
    })?;
    export::write(&output.exports, FORMATS, &comparison)?;
    Ok(comparison.outcome.verdict().into())
}
