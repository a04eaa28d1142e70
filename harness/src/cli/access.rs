//! Arguments of every command that signs in to a mail server which it did not start.

use crate::exit::NoSuch;
use crate::mail::inventory::source::Access;
use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use record::plan::server::sign_in::Mechanism;
use record::plan::server::tls::{Fingerprint, Trust};
use std::path::PathBuf;

#[derive(Clone, Debug, Args)]
pub(crate) struct AccessArgs {
    /// Certificate authorities to trust, in PEM (default: those that this machine trusts).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pins", "unverified"])]
    ca: Option<PathBuf>,
    /// SHA-256 of the certificate that the server shows: this one is trusted, whoever issued it; repeatable.
    #[arg(long = "certificate", value_name = "SHA256", conflicts_with = "unverified")]
    pins: Vec<Fingerprint>,
    /// Take whoever answers for the server. Whoever is on the way gets every password.
    #[arg(long = "no-verification")]
    unverified: bool,
    /// How the password is brought: any (PLAIN where it is offered, else LOGIN), plain, login, or xoauth2 (the password is a token).
    #[arg(long, value_name = "HOW", default_value = "any", value_parser = mechanism())]
    sign_in: Mechanism,
}

fn mechanism() -> impl TypedValueParser<Value = Mechanism> {
    PossibleValuesParser::new(["any", "plain", "login", "xoauth2"])
        .map(|name| name.parse().expect("only names of ways are let through"))
}

impl AccessArgs {
    pub(crate) fn access(&self) -> Result<Access, NoSuch> {
        let trust = match (self.unverified, &self.ca, self.pins.as_slice()) {
            (true, ..) => Trust::Nobody,
            (false, Some(file), _) => Trust::Authorities(file.clone()),
            (false, None, []) => Trust::Machine,
            (false, None, pins) => Trust::Pinned(pins.to_vec()),
        };
        if let Trust::Authorities(file) = &trust
            && !file.is_file()
        {
            return Err(NoSuch(format!("--ca {}: there is no such file", file.display())));
        }
        Ok(Access { trust, sign_in: self.sign_in })
    }
}
