use anyhow::{Context, Result, anyhow};
use std::process::Command;

/// Runs a program to its end and returns what it printed. What it complained of becomes the error, with `way_out`.
pub(crate) fn output(command: &mut Command, way_out: &str) -> Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.env("LC_ALL", "C").output().with_context(|| format!("cannot run {program}; {way_out}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<String> =
        complaint.lines().filter(|line| !line.trim().is_empty()).map(reports::kit::inert::inert).collect();
    let end = lines[lines.len().saturating_sub(6)..].join("\n");
    Err(anyhow!("{program} failed ({}): {end}\n{way_out}", output.status))
}
