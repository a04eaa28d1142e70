//! What users of their own sign in with: read where it is used, and kept nowhere.

use crate::mail::client::credentials::Credentials;
use crate::mail::users;
use anyhow::{Context, Result, anyhow};
use record::plan::server::Definition;
use std::collections::BTreeMap;

/// By address; empty where the mail server's users are the harness's. Commands that print passwords are run.
///
/// # Errors
/// The file cannot be read, or there is no password of a user.
pub(crate) fn of(definition: &Definition, wanted: &[&str]) -> Result<BTreeMap<String, Credentials>> {
    let Some(accounts) = &definition.accounts else { return Ok(BTreeMap::new()) };
    let file = accounts.file.display();
    let all = users::read(&accounts.file).map_err(|why| anyhow!("{file}: {why}"))?;
    let all = all.into_iter().filter(|user| wanted.contains(&user.address.as_str()));
    all.map(|user| {
        let credentials = user.credentials(accounts.sign_in);
        Ok((user.address.clone(), credentials.with_context(|| format!("{file}: {}", user.address))?))
    })
    .collect()
}
