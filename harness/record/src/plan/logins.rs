//! What a user logs in as.

use super::TargetPlan;
use super::server::{Definition, When};

/// How login names are made of user names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginForm {
    form: String,
    domain: String,
}

/// Where the user's name stands in it.
const USER: &str = "{user}";
/// Where the domain does.
const DOMAIN: &str = "{domain}";

impl Default for LoginForm {
    fn default() -> LoginForm {
        LoginForm { form: USER.to_owned(), domain: String::new() }
    }
}

impl LoginForm {
    /// What this user logs in as.
    pub fn of(&self, user: &str) -> String {
        self.form.replace(USER, user).replace(DOMAIN, &self.domain)
    }

    /// What is wrong with the form, in words for whoever wrote it.
    pub fn possible(form: &str) -> Result<(), NoLoginForm> {
        let rest = form.replace(USER, "").replace(DOMAIN, "");
        match form.contains(USER) && !rest.contains(['{', '}']) {
            true => Ok(()),
            false => Err(NoLoginForm(form.to_owned())),
        }
    }
}

/// A text that is no form of a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`login = \"{0}\"` is no form of a login; it names `{USER}` and may name `{DOMAIN}`, as in \"{USER}@{DOMAIN}\""
)]
pub struct NoLoginForm(String);

/// Logins of the traffic, and of the readings before and after it, which may go through another server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Logins {
    /// Of the traffic.
    pub traffic: LoginForm,
    /// Of the readings.
    pub reading: LoginForm,
}

impl TargetPlan {
    /// As the target's own file says it, else as the file of whoever serves IMAP does.
    pub fn logins(&self) -> Logins {
        let of = |when: When| self.companions.iter().filter(move |companion| companion.0 == when);
        let serves = |definition: &&Definition| definition.listen.imap.is_some();
        let companion = |when: When| of(when).map(|companion| &companion.1).find(serves);
        let traffic = Some(&self.definition).filter(serves).or_else(|| companion(When::Always));
        let reading = companion(When::Reading).or(traffic);
        let form = |server: Option<&Definition>| {
            let own = self.definition.login.clone();
            let form = own.or_else(|| server?.login.clone()).unwrap_or_else(|| USER.to_owned());
            LoginForm { form, domain: self.definition.domain.clone() }
        };
        Logins { traffic: form(traffic), reading: form(reading) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::synthetic;

    fn definition(text: &str) -> Definition {
        let rest = "name = 't'\nabout = 't'\nkind = 'spawned'\nstart = ['t']\nlayout.opaque = {}\n";
        toml::from_str(&format!("{rest}{text}")).expect("a target")
    }

    #[test]
    fn whoever_serves_imap_says_how_to_log_in_and_the_target_has_the_last_word() {
        let mut target = synthetic::plan().target;
        let names = |target: &TargetPlan| {
            let Logins { traffic, reading } = target.logins();
            [traffic.of("ann"), reading.of("ann")]
        };
        target.definition = definition("domain = 'x.test'\nlisten = { imap = '127.0.0.1:1' }\n");
        assert_eq!(names(&target), ["ann", "ann"]);
        let reader = definition("login = '{user}@{domain}'\nlisten = { imap = '127.0.0.1:2' }\n");
        target.companions = vec![(When::Reading, reader)];
        assert_eq!(names(&target), ["ann", "ann@x.test"]);
        target.definition.login = Some("{domain}+{user}".to_owned());
        assert_eq!(names(&target), ["x.test+ann", "x.test+ann"]);
    }

    #[test]
    fn a_form_names_the_user_and_nothing_else() {
        assert_eq!(LoginForm::possible("{user}@{domain}"), Ok(()));
        assert!(LoginForm::possible("{domain}").is_err() && LoginForm::possible("{user}{host}").is_err());
    }
}
