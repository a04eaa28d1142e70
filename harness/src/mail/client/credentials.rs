//! Who signs in, and how.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use record::plan::server::sign_in::Mechanism;
use std::fmt;

/// A name and its proof. Nothing of the proof is ever shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    login: String,
    /// A password, or a token.
    secret: String,
    /// Whose mail it is, if `login` may open that of others.
    on_behalf_of: Option<String>,
    pub(super) way: Way,
}

/// How the proof is brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By LOGIN, and nothing is asked before: for servers that are known to take it.
    AtOnce,
    /// As the server offers it.
    Offered(Mechanism),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials of {}", self.login)
    }
}

impl Credentials {
    /// By LOGIN at once.
    pub fn at_once(login: &str, password: &str) -> Credentials {
        let (login, secret) = (login.to_owned(), password.to_owned());
        Credentials { login, secret, on_behalf_of: None, way: Way::AtOnce }
    }

    pub(crate) fn offered(
        login: &str,
        secret: &str,
        on_behalf_of: Option<&str>,
        mechanism: Mechanism,
    ) -> Credentials {
        let way = Way::Offered(mechanism);
        Credentials {
            on_behalf_of: on_behalf_of.map(str::to_owned),
            way,
            ..Credentials::at_once(login, secret)
        }
    }

    pub(super) fn login(&self) -> &str {
        &self.login
    }

    pub(super) fn secret(&self) -> &str {
        &self.secret
    }

    pub(super) fn needs_sasl(&self) -> bool {
        self.on_behalf_of.is_some()
    }

    /// RFC 4616, in base64.
    pub(super) fn plain(&self) -> String {
        let whose = self.on_behalf_of.as_deref().unwrap_or_default();
        STANDARD.encode(format!("{whose}\0{}\0{}", self.login, self.secret))
    }

    /// A bearer token as Google and Microsoft take it, in base64.
    pub(super) fn xoauth2(&self) -> String {
        STANDARD.encode(format!("user={}\x01auth=Bearer {}\x01\x01", self.login, self.secret))
    }

    pub(super) fn login_in_base64(&self) -> String {
        STANDARD.encode(&self.login)
    }

    pub(super) fn secret_in_base64(&self) -> String {
        STANDARD.encode(&self.secret)
    }

    /// What a server said, without the proof in any of its forms: a server may repeat it.
    pub(crate) fn taken_out_of(&self, text: &str) -> String {
        let forms = [self.plain(), self.xoauth2(), self.secret_in_base64(), self.secret.clone()];
        let forms = forms.iter().filter(|form| !form.is_empty());
        forms.fold(text.to_owned(), |text, form| text.replace(form.as_str(), "(password)"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_proof_is_in_no_form_of_what_a_server_repeats() {
        let master = Credentials::offered("master", "hidden!", Some("anna@x.it"), Mechanism::Any);
        let said =
            format!("NO {} {} {} hidden!", master.plain(), master.xoauth2(), master.secret_in_base64());
        assert_eq!(master.taken_out_of(&said), "NO (password) (password) (password) (password)");
        assert_eq!(format!("{master:?}"), "Credentials of master");
        assert_eq!(STANDARD.decode(master.plain()).expect("base64"), b"anna@x.it\0master\0hidden!");
        assert_eq!(Credentials::at_once("a", "").taken_out_of("abc"), "abc");
    }
}
