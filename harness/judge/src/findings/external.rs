//! Of a mail server that was there before the run, on a storage that is not the harness's: what was not put to the test, and who else may have
//! answered.

use super::sighting::{FindingKind, Sighting, Sightings};
use crate::case::Case;
use record::plan::server::tls::{Channel, Trust};
use record::plan::server::{Definition, ServerKind};
use reports::kit::figures::counted;

pub(crate) const NOT_TESTED: FindingKind = FindingKind {
    name: "not-tested",
    find: not_tested,
    sentence: |_, n| {
        format!(
            "The mail server was there before the run: {} not be tested here, and the verdict says nothing of that.",
            counted(n, "thing could", "things could")
        )
    },
};

pub(crate) const OPEN_TO_OTHERS: FindingKind = FindingKind {
    name: "open-to-others",
    find: open_to_others,
    sentence: |_, n| {
        format!(
            "{} not safe from whoever was on the way, who may have read, and answered in its place.",
            counted(n, "way to the mail server was", "ways to the mail server were")
        )
    },
};

/// Always true of such a server.
const STORAGE: &str =
    "its storage: no fault, no power cut with a known model, and no reading past the server";

fn not_tested(case: &Case<'_>) -> Sightings {
    let definition = &case.plan.target.definition;
    let mut sightings = Sightings::default();
    if definition.kind != ServerKind::External {
        return sightings;
    }
    let commands = [
        (definition.kill.is_empty(), "that it is killed: its target file has no `kill`"),
        (definition.stop.is_empty(), "that it is stopped: its target file has no `stop`"),
        (definition.queue.is_none(), "its queue: its target file has no `queue`"),
        (definition.rebuild.is_none(), "its index: its target file has no `rebuild`"),
    ];
    let missing = commands.into_iter().filter(|(missing, _)| *missing).map(|(_, what)| what);
    for what in [STORAGE].into_iter().chain(missing) {
        sightings.add(|| said(case, what.to_owned()));
    }
    sightings
}

fn said(case: &Case<'_>, what: String) -> Sighting {
    Sighting { attempt: None, at: case.ledger.start, who: "harness", what }
}

fn open_to_others(case: &Case<'_>) -> Sightings {
    let definition = &case.plan.target.definition;
    let mut sightings = Sightings::default();
    for what in ways(definition) {
        sightings.add(|| said(case, what.clone()));
    }
    sightings
}

fn ways(definition: &Definition) -> Vec<String> {
    let listen = &definition.listen;
    let all = [("imap", &listen.imap), ("smtp", &listen.smtp), ("lmtp", &listen.lmtp)];
    let there = all.into_iter().filter_map(|(service, address)| Some((service, address.as_deref()?)));
    there.filter_map(|(service, address)| way(definition, service, address)).collect()
}

fn way(definition: &Definition, service: &str, address: &str) -> Option<String> {
    let here = ["127.", "localhost:", "[::1]:"].iter().any(|start| address.starts_with(start));
    match definition.tls.of(service) {
        Channel::None if here || definition.kind != ServerKind::External => None,
        Channel::None => Some(format!("{service} ({address}): in plain text, passwords too")),
        Channel::Implicit | Channel::Starttls => (definition.tls.trust() == Trust::Nobody)
            .then(|| format!("{service} ({address}): its certificate was not verified")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ways_of(text: &str) -> Vec<String> {
        let rest = "name = 't'\nabout = 't'\nkind = 'external'\naccounts = { file = 'u.csv' }\n";
        ways(&toml::from_str(&format!("{rest}{text}")).expect("a target"))
    }

    #[test]
    fn whoever_could_listen_is_said() {
        let imap = "listen.imap = 'mail.example.it:143'\n";
        assert_eq!(ways_of(imap), ["imap (mail.example.it:143): in plain text, passwords too"]);
        assert_eq!(ways_of("listen.imap = '127.0.0.1:143'\n"), [""; 0]);
        assert_eq!(ways_of(&format!("{imap}tls.imap = 'starttls'\n")), [""; 0]);
        let unverified = format!("{imap}tls = {{ imap = 'starttls', verify = false }}\n");
        assert_eq!(ways_of(&unverified), ["imap (mail.example.it:143): its certificate was not verified"]);
    }
}
