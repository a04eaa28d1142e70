//! What a program says of itself, asked as a mail server in a run would be: where it can change nothing of the machine.

use super::confine::{self, Confinement};
use super::process::{Launch, Output, ProcessTree};
use super::view::View;
use crate::machine::capabilities::code;
use anyhow::Result;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::io::{Read, Seek};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

/// Nobody waits longer for a version.
const LIMIT: Duration = Duration::from_secs(20);

/// More than [`LIMIT`]: its own process gives up first.
const GRACE: Duration = Duration::from_secs(30);

/// What `argv` prints; its complaints if it prints nothing else.
pub(crate) fn ask(argv: &[String]) -> io::Result<String> {
    let parts: Vec<OsString> =
        ["__ask", "--"].into_iter().chain(argv.iter().map(String::as_str)).map(OsString::from).collect();
    let (mut out, mut errors) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let output = Output { out: out.try_clone()?, errors: errors.try_clone()? };
    let mut inner =
        confine::start_inner_into(Confinement::Namespaces, &confine::arguments(&parts), Some(output))?;
    if inner.ended_within(GRACE)?.is_none() {
        return Err(io::ErrorKind::TimedOut.into());
    }
    let said = text(&mut out)?;
    if said.is_empty() { text(&mut errors) } else { Ok(said) }
}

fn text(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// In namespaces of its own: runs `argv` in the view that a mail server without a definition would have. Its exit code.
pub(crate) fn answer(argv: &[String]) -> Result<i32> {
    confine::settle(Confinement::Namespaces, &[])?;
    let root = PathBuf::from("/");
    let view = View { directory: root.clone(), ..View::default() };
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let errors = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let launch =
        Launch { argv: argv.to_vec(), environment: BTreeMap::new(), directory: root, view, starts: 0 };
    let mut tree = ProcessTree::spawn(&launch, Output { out, errors })?;
    Ok(tree.wait(LIMIT)?.map_or(1, code))
}
