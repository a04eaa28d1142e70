//! Which target a name means: one that comes with the program, or a file of the user's own.

use record::plan::server::{Definition, ServerKind, When, With};
use std::path::{Path, PathBuf};

/// The targets that come with the program.
const BUILT_IN: &[&str] = &[
    include_str!("../../scenarios/targets/reference.toml"),
    include_str!("../../scenarios/targets/dovecot-maildir.toml"),
    include_str!("../../scenarios/targets/dovecot-sdbox.toml"),
    include_str!("../../scenarios/targets/dovecot-mdbox.toml"),
    include_str!("../../scenarios/targets/postfix-maildir.toml"),
    include_str!("../../scenarios/targets/postfix-dovecot.toml"),
    include_str!("../../scenarios/targets/haraka.toml"),
    include_str!("../../scenarios/targets/aiosmtpd.toml"),
    include_str!("../../scenarios/targets/cyrus.toml"),
    include_str!("../../scenarios/targets/courier.toml"),
    include_str!("../../scenarios/targets/exim-maildir.toml"),
    include_str!("../../scenarios/targets/opensmtpd-maildir.toml"),
    include_str!("../../scenarios/targets/sendmail-dovecot.toml"),
];

/// The targets that come with the program.
pub fn built_in() -> Vec<Definition> {
    BUILT_IN.iter().map(|text| toml::from_str(text).expect("built-in targets are tested")).collect()
}

/// A name that means nothing that can be used, and the way out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}; {help}")]
pub struct Unusable {
    pub message: String,
    pub help: String,
}

impl Unusable {
    pub(crate) fn new(message: impl Into<String>, help: impl Into<String>) -> Unusable {
        Unusable { message: message.into(), help: help.into() }
    }

    pub(crate) fn unreadable(path: &Path, error: &std::io::Error) -> Unusable {
        let message = format!("{} cannot be read: {error}", path.display());
        Unusable::new(message, "check the path and its permissions")
    }

    /// With the file's name in front.
    pub(crate) fn of(self, path: &Path) -> Unusable {
        Unusable { message: format!("{} {}", path.display(), self.message), ..self }
    }
}

/// A target by its name, or a target file: as given, or beside the scenario.
pub(crate) fn find(server: &str, beside: &Path) -> Result<Definition, Unusable> {
    let built_in = built_in();
    if let Some(definition) = built_in.iter().find(|definition| definition.name == server) {
        return Ok(definition.clone());
    }
    let Some(path) = definition_file("targets", server, beside) else {
        let names = built_in.iter().map(|definition| definition.name.as_str());
        let meant = fuse_fs::nearest::nearest(server, names).map(|n| format!("did you mean `{n}`? "));
        let help =
            "`fermoposta list` shows those that come with the program; or give the path of a target file";
        let message = format!("there is no target `{server}`");
        return Err(Unusable::new(message, meant.unwrap_or_default() + help));
    };
    let text = std::fs::read_to_string(&path).map_err(|error| Unusable::unreadable(&path, &error))?;
    let mut definition = parse(&text).map_err(|unusable| unusable.of(&path))?;
    let home = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
    definition.beside(home.parent().unwrap_or(Path::new("")));
    Ok(definition)
}

/// The file of a target that does not come with the program.
pub(crate) fn file(server: &str, beside: &Path) -> Option<PathBuf> {
    let own = built_in().iter().all(|definition| definition.name != server);
    own.then(|| definition_file("targets", server, beside)).flatten()
}

/// A target file's text.
fn parse(text: &str) -> Result<Definition, Unusable> {
    let definition: Definition = toml::from_str(text).map_err(|error| {
        let message = format!("is not a target file: {error}");
        Unusable::new(message, "`fermoposta schema target` says what one may hold")
    })?;
    let possible = definition.possible();
    possible.map_err(|why| Unusable::new(format!("cannot work: {why}"), "see docs/targets.md"))?;
    Ok(definition)
}

/// A target's companions in the order in which they are started. `server` is what the target was found as: they lie beside
/// its file, or else beside the scenario.
pub fn companions(
    definition: &Definition,
    server: &str,
    beside: &Path,
) -> Result<Vec<(When, Definition)>, Unusable> {
    let home = definition_file("targets", server, beside);
    let home = home.as_deref().and_then(Path::parent).unwrap_or(beside);
    definition.with.iter().map(|with| Ok((with.when, companion(with, home, beside)?))).collect()
}

fn companion(with: &With, home: &Path, beside: &Path) -> Result<Definition, Unusable> {
    let name = &with.target;
    let place = if definition_file("targets", name, home).is_some() { home } else { beside };
    let found = find(name, place)?;
    let wrong =
        |why: &str| Err(Unusable::new(format!("`{name}` cannot be a companion: {why}"), "name another"));
    if found.kind != ServerKind::Spawned {
        return wrong("the harness does not start it");
    }
    if found.name != with.name() {
        return wrong(&format!("it is called `{}` in its own file", found.name));
    }
    if !found.with.is_empty() {
        return wrong("it has companions itself");
    }
    Ok(found)
}

/// `name` as a path, or `directory/name.toml` beside the scenario or one level up.
pub(crate) fn definition_file(directory: &str, name: &str, beside: &Path) -> Option<PathBuf> {
    let named = format!("{directory}/{name}.toml");
    let places =
        [PathBuf::from(name), beside.join(name), beside.join(&named), beside.join("..").join(&named)];
    places.into_iter().find(|path| path.extension().is_some_and(|e| e == "toml") && path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_targets_are_possible() {
        for definition in built_in() {
            definition.possible().expect("a built-in target can run");
            let companions = companions(&definition, &definition.name, Path::new("/nowhere"));
            let companions = companions.expect("they are built in");
            let mut ports = companions.iter().flat_map(|(_, companion)| companion.ports());
            let imap = "imap".to_owned();
            assert!(
                definition.ports().contains(&imap) || ports.any(|port| port == imap),
                "{} names its IMAP port",
                definition.name
            );
        }
    }

    #[test]
    fn an_unknown_target_names_the_nearest() {
        let Unusable { message, help } = find("dovecot", Path::new("/nowhere")).unwrap_err();
        insta::assert_snapshot!(format!("{message}\n{help}"), @r#"
        there is no target `dovecot`
        `fermoposta list` shows those that come with the program; or give the path of a target file
        "#);
    }

    #[test]
    fn companions_lie_beside_the_target_file_that_names_them() {
        let place = tempfile::tempdir().unwrap();
        let [mine, scenario] = ["mine", "scenario"].map(|name| place.path().join(name));
        [&mine, &scenario].into_iter().for_each(|directory| std::fs::create_dir(directory).unwrap());
        let target = mine.join("store-only.toml");
        let with = "with = [{ target = 'reader.toml', when = 'reading' }]\n";
        std::fs::write(&target, format!("{}{with}", GOOD.replace("name = 't'", "name = 'store-only'")))
            .unwrap();
        let reader =
            |about| GOOD.replace("name = 't'\nabout = 't'", &format!("name = 'reader'\nabout = '{about}'"));
        std::fs::write(mine.join("reader.toml"), reader("beside the target")).unwrap();
        let about = || {
            let server = target.to_str().unwrap();
            let definition = find(server, &scenario).unwrap();
            companions(&definition, server, &scenario).map(|all| all[0].1.about.clone())
        };
        assert_eq!(about().unwrap(), "beside the target");
        std::fs::write(scenario.join("reader.toml"), reader("beside the scenario")).unwrap();
        assert_eq!(about().unwrap(), "beside the target");
        std::fs::remove_file(mine.join("reader.toml")).unwrap();
        assert_eq!(about().unwrap(), "beside the scenario");
    }

    const GOOD: &str =
        "name = 't'\nabout = 't'\nkind = 'spawned'\nstart = ['t']\nlayout.opaque = {}\nlisten = {}\n";

    /// What is said of a target that is right but for `wrong`.
    fn said(wrong: &str) -> String {
        let Unusable { message, help } = parse(&format!("{GOOD}{wrong}")).expect_err("it is wrong");
        format!("{message}\n{help}")
    }

    #[test]
    fn a_mount_is_one_thing_at_an_absolute_path() {
        insta::assert_snapshot!(said("mount = [{ at = '/run' }]"), @r#"
        cannot work: the mount at `/run` needs either `bind = "..."` or `tmpfs = true`
        see docs/targets.md
        "#);
        insta::assert_snapshot!(said("mount = [{ at = 'run', tmpfs = true }]"), @r#"
        cannot work: the mount at `run` needs an absolute path
        see docs/targets.md
        "#);
    }

    #[test]
    fn a_companion_is_declared_before_it_is_named() {
        insta::assert_snapshot!(said("environment = { P = '{with.dovecot.port.lmtp}' }"), @r#"
        cannot work: `{with.dovecot.port.lmtp}` is no variable; there are store, queue, work, root, exe, uid, gid, users, lists, domain, password, internal, internal-group, unprivileged and port.NAME
        see docs/targets.md
        "#);
    }

    #[test]
    fn a_variable_does_not_stand_bare_where_a_shell_reads_it() {
        insta::assert_snapshot!(said("check = ['/bin/sh', '-c', 'cd {work} && chown -R cyrus {store}/conf']"), @r#"
        cannot work: `{work}` stands bare in the shell's line in `check` (`cd {work} && chown -R cyrus {store}/conf`): a blank in its value would make several words of it; write `"{work}"`, or `"$1"` and the variable as an argument of its own
        see docs/targets.md
        "#);
        let script = "files = { 'make.sh' = \"set -e\\nchown -R cyrus '{work}' {store}/conf\" }\n";
        parse(&format!("{GOOD}{script}")).expect("it sees plain paths");
        let own = GOOD.replace("spawned", "command") + "stop = ['s']\nkill = ['k']\n";
        let Unusable { message, .. } =
            parse(&format!("{own}{script}")).expect_err("it sees the machine's paths");
        insta::assert_snapshot!(message, @r#"cannot work: `{store}` stands bare in the shell's script `files."make.sh"` (`chown -R cyrus '{work}' {store}/conf`): a blank in its value would make several words of it; write `"{store}"`, or `"$1"` and the variable as an argument of its own"#);
        insta::assert_snapshot!(said("migrate = ['sh', '-ec', 'rsync -a \"{from}/\" `dirname {to}`/']"), @r#"
        cannot work: `{to}` stands in or behind a here-document, backquotes or `$'...'` in the shell's line in `migrate` (`rsync -a "{from}/" `dirname {to}`/`), where its value may be read as something else; set `value="{to}"` before all that, and write `"$value"` here
        see docs/targets.md
        "#);
        let quoted = "check = ['/bin/sh', '-c', 'ls \"{store}\" {port.imap} # {store}']";
        parse(&format!("{GOOD}{quoted}")).expect("it is quoted");
    }

    #[test]
    fn packages_have_versions() {
        insta::assert_snapshot!(said("packages.npm = ['Haraka']"), @r#"
        cannot work: the npm package `Haraka` has no version; write `Haraka@VERSION`
        see docs/targets.md
        "#);
        insta::assert_snapshot!(said("packages.pip = ['aiosmtpd']"), @r#"
        cannot work: the Python package `aiosmtpd` has no version; write `aiosmtpd==VERSION`
        see docs/targets.md
        "#);
    }

    #[test]
    fn paths_stay_below_etc() {
        insta::assert_snapshot!(said("etc = { '../passwd' = 'x' }"), @r#"
        cannot work: `../passwd` in `etc` is not a path below /etc; write it without `/` in front and without `..`
        see docs/targets.md
        "#);
    }
}
