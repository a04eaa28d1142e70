//! Which sender a name means: one that comes with the program, or a file of the user's own.

#[cfg(test)]
mod schedules;

use crate::server::find::{Unusable, definition_file};
use record::plan::sender::Definition;
use std::path::{Path, PathBuf};

/// The senders that come with the program.
const BUILT_IN: &[&str] = &[
    include_str!("../../scenarios/senders/postfix.toml"),
    include_str!("../../scenarios/senders/exim.toml"),
    include_str!("../../scenarios/senders/sendmail.toml"),
    include_str!("../../scenarios/senders/qmail.toml"),
    include_str!("../../scenarios/senders/opensmtpd.toml"),
    include_str!("../../scenarios/senders/stalwart.toml"),
    include_str!("../../scenarios/senders/exchange.toml"),
    include_str!("../../scenarios/senders/exchange-online.toml"),
    include_str!("../../scenarios/senders/gmail.toml"),
    include_str!("../../scenarios/senders/sendgrid.toml"),
    include_str!("../../scenarios/senders/mailerq.toml"),
];

/// The senders that come with the program.
pub(crate) fn all() -> Vec<Definition> {
    BUILT_IN.iter().map(|text| toml::from_str(text).expect("built-in senders are tested")).collect()
}

/// A sender by its name, or a sender file: as given, or beside the scenario.
pub(crate) fn find(name: &str, beside: &Path) -> Result<Definition, Unusable> {
    let all = all();
    if let Some(sender) = all.iter().find(|sender| sender.name == name) {
        return Ok(sender.clone());
    }
    let Some(path) = definition_file("senders", name, beside) else {
        return Err(Unusable::new(format!("there is no sender `{name}`"), way_out(name, &all)));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| Unusable::unreadable(&path, &error))?;
    parse(&text).map_err(|unusable| unusable.of(&path))
}

/// The file of a sender that does not come with the program.
pub(crate) fn file(name: &str, beside: &Path) -> Option<PathBuf> {
    let own = all().iter().all(|sender| sender.name != name);
    own.then(|| definition_file("senders", name, beside)).flatten()
}

fn way_out(name: &str, all: &[Definition]) -> String {
    let names: Vec<&str> = all.iter().map(|sender| sender.name.as_str()).collect();
    let meant = fuse_fs::nearest::nearest(name, names.iter().copied());
    let meant = meant.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    format!("{meant}there are {}; or give the path of a sender file", names.join(", "))
}

/// A sender file's text.
fn parse(text: &str) -> Result<Definition, Unusable> {
    const HELP: &str = "docs/senders.md says what one may hold";
    let sender: Definition = toml::from_str(text)
        .map_err(|error| Unusable::new(format!("is not a sender file: {error}"), HELP))?;
    let problems = sender.problems();
    if problems.is_empty() {
        return Ok(sender);
    }
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    Err(Unusable::new(format!("cannot work: {}", problems.join("; ")), HELP))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/senders")
    }

    #[test]
    fn every_file_is_built_in_under_its_name_and_has_no_problem() {
        let mut files: Vec<String> = std::fs::read_dir(directory())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let mut named: Vec<String> = all().iter().map(|sender| format!("{}.toml", sender.name)).collect();
        named.sort();
        assert_eq!(files, named);
        for sender in all() {
            assert_eq!(sender.problems(), [], "{}", sender.name);
        }
    }

    #[test]
    fn a_sender_survives_being_saved() {
        for sender in all() {
            let saved = serde_json::to_string(&sender).unwrap();
            assert_eq!(serde_json::from_str::<Definition>(&saved).unwrap(), sender);
            assert_eq!(toml::from_str::<Definition>(&toml::to_string(&sender).unwrap()).unwrap(), sender);
        }
    }

    #[test]
    fn an_unknown_sender_names_the_known_ones() {
        let Unusable { message, help } = find("postfox", Path::new("/nowhere")).unwrap_err();
        insta::assert_snapshot!(format!("{message}\n{help}"), @r#"
        there is no sender `postfox`
        did you mean `postfix`? there are postfix, exim, sendmail, qmail, opensmtpd, stalwart, exchange, exchange-online, gmail, sendgrid, mailerq; or give the path of a sender file
        "#);
    }

    #[test]
    fn a_file_beside_the_scenario_is_found_and_checked() {
        let beside = tempfile::tempdir().unwrap();
        std::fs::create_dir(beside.path().join("senders")).unwrap();
        let file = beside.path().join("senders/ours.toml");
        let good = "name = 'ours'\nabout = 'x'\nsource = 'x'\nevidence = 'from-memory'\ngive-up = '48h'\n";
        std::fs::write(&file, format!("{good}retry.every = '20m'\n")).unwrap();
        assert_eq!(find("ours", beside.path()).unwrap().name, "ours");
        assert_eq!(find("senders/ours.toml", beside.path()).unwrap().name, "ours");
        std::fs::write(&file, format!("{good}retry.every = '50h'\n")).unwrap();
        let Unusable { message, help } = find("ours", beside.path()).unwrap_err();
        assert!(message.ends_with(
            "cannot work: give-up: 48h is over before the first retry (give it more time, or let it try earlier)"
        ), "{message}");
        assert_eq!(help, "docs/senders.md says what one may hold");
    }

    #[test]
    fn the_documented_example_is_right() {
        let page = std::fs::read_to_string(directory().join("../../docs/senders.md")).unwrap();
        let (_, example) = page.split_once("```toml\n").unwrap();
        parse(example.split_once("```").unwrap().0).unwrap();
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let Unusable { message, .. } = parse("name = 'ours'\nabout = 'x'\ngiveup = '48h'\n").unwrap_err();
        insta::assert_snapshot!(message, @r#"
        is not a sender file: TOML parse error at line 3, column 1
          |
        3 | giveup = '48h'
          | ^^^^^^
        unknown field `giveup`, expected one of `name`, `about`, `source`, `evidence`, `give-up`, `retry`, `last-try`, `delay-notice`
        "#);
    }
}
