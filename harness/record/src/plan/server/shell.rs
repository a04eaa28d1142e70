//! Texts that a shell reads: where a variable may stand in them, and how its value is written there so that it stays what it
//! is: a value with a blank in it would else be two words, and one with a `$` something else.
//!
//! What takes more than quotation to read (here-documents, backquotes, `$'...'`) counts as unclear to the text's end, and no
//! such value may stand there.

use super::variables::in_braces;
use super::variables::is_variable;
use super::{Definition, ServerKind};
use std::path::Path;

/// Programs that read a whole command line, or a script.
const SHELLS: [&str; 7] = ["sh", "bash", "dash", "ash", "ksh", "zsh", "mksh"];

/// Programs that hand a whole command line to the shell of somebody.
const SHELLS_OF_OTHERS: [&str; 2] = ["su", "runuser"];

/// How a place in a shell's text is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quoting {
    Bare,
    Single,
    Double,
    Comment,
    Unclear,
}

/// How each byte of `text` is quoted.
pub(crate) fn quoting(text: &str) -> Vec<Quoting> {
    let mut reader =
        Reader { text: text.as_bytes(), now: Quoting::Bare, within: Vec::new(), escaped: false, last: None };
    (0..text.len()).map(|at| reader.read(at)).collect()
}

/// Reads a shell's text as the shell does, byte by byte.
struct Reader<'a> {
    text: &'a [u8],
    now: Quoting,
    /// A command in double quotes is not quoted itself. Parentheses that are open, for each such command around.
    within: Vec<usize>,
    /// The byte before has taken this one's meaning away.
    escaped: bool,
    /// The byte before, if it had a meaning.
    last: Option<u8>,
}

impl Reader<'_> {
    /// How the byte at `at` is quoted.
    fn read(&mut self, at: usize) -> Quoting {
        let (byte, before) = (self.text[at], self.now);
        if self.escaped {
            (self.escaped, self.last) = (false, None);
            return before;
        }
        self.escaped = byte == b'\\' && matches!(before, Quoting::Bare | Quoting::Double);
        self.now = self.after(at, byte);
        self.last = Some(byte);
        if self.now == Quoting::Unclear { self.now } else { before }
    }

    /// How it goes on after `byte`.
    fn after(&mut self, at: usize, byte: u8) -> Quoting {
        use Quoting::{Bare, Comment, Double, Single, Unclear};
        let begins_word = self.last.is_none_or(|last| b" \t\n;&|(".contains(&last));
        match (self.now, byte) {
            (Bare | Double, b'`') => Unclear,
            (Bare, b'<') if self.last == Some(b'<') => Unclear,
            (Bare, b'\'') if self.last == Some(b'$') => Unclear,
            // Its patterns end with parentheses that nothing opens.
            (Bare, b'c')
                if !self.within.is_empty() && begins_word && self.text[at..].starts_with(b"case") =>
            {
                Unclear
            }
            (Double, b'(') if self.last == Some(b'$') => {
                self.within.push(1);
                Bare
            }
            (Bare, b'(' | b')') => self.parenthesis(byte),
            (Bare, b'\'') => Single,
            (Bare, b'"') => Double,
            (Bare, b'#') if begins_word => Comment,
            (Single, b'\'') | (Double, b'"') | (Comment, b'\n') => Bare,
            (now, _) => now,
        }
    }

    fn parenthesis(&mut self, byte: u8) -> Quoting {
        match self.within.last_mut() {
            Some(open) if byte == b'(' => *open += 1,
            Some(open) if *open > 1 => *open -= 1,
            Some(_) => {
                self.within.pop();
                return Quoting::Double;
            }
            None => {}
        }
        Quoting::Bare
    }
}

/// `value` as it is written at such a place; `None` where it is left out: nobody reads a comment.
pub(super) fn written(value: &str, quoting: Quoting) -> Option<String> {
    match quoting {
        Quoting::Single => Some(value.replace('\'', r"'\''")),
        Quoting::Double => {
            let special = |c: char| "\\\"$`".contains(c);
            Some(value.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect())
        }
        Quoting::Comment => None,
        Quoting::Bare | Quoting::Unclear => Some(value.to_owned()),
    }
}

/// Where in `argv` a shell's command lines stand.
pub(crate) fn lines(argv: &[String]) -> Vec<usize> {
    let programs = argv.iter().enumerate().filter_map(|(at, text)| Some((at, name(text)?)));
    programs.filter_map(|(at, program)| line_of(argv, at, program)).collect()
}

fn name(text: &str) -> Option<&str> {
    Path::new(text).file_name()?.to_str()
}

/// The command line of the shell at `at`: the first argument after its options, if `c` is among them.
fn line_of(argv: &[String], at: usize, program: &str) -> Option<usize> {
    let arguments = || argv.iter().enumerate().skip(at + 1);
    if SHELLS_OF_OTHERS.contains(&program) {
        let (option, _) = arguments().find(|(_, text)| *text == "-c" || *text == "--command")?;
        return (option + 1 < argv.len()).then_some(option + 1);
    }
    if !SHELLS.contains(&program) {
        return None;
    }
    let (mut wanted, mut of_option) = (false, false);
    for (at, text) in arguments() {
        let is_option = text.starts_with(['-', '+']);
        match (is_option, of_option) {
            (false, true) => of_option = false,
            (false, false) => return wanted.then_some(at),
            (true, _) => {
                wanted |= text.starts_with('-') && !text.starts_with("--") && text.contains('c');
                of_option = !text.starts_with("--") && text.ends_with('o');
            }
        }
    }
    None
}

/// The file `path` with this text is a shell's script: it is called so, says so, or one of the commands gives it to a shell.
pub(super) fn is_script(definition: &Definition, path: &str, text: &str) -> bool {
    let says = || {
        let first = text.lines().next().and_then(|line| line.strip_prefix("#!"));
        first.is_some_and(|line| line.split_whitespace().filter_map(name).any(|word| SHELLS.contains(&word)))
    };
    let named = || {
        let given = format!("{{work}}/{path}");
        let reads = |argv: &[String]| {
            let mut words =
                argv.iter().skip_while(|word| !name(word).is_some_and(|word| SHELLS.contains(&word)));
            words.any(|word| *word == given)
        };
        definition.commands().any(|(_, argv)| reads(argv))
    };
    path.ends_with(".sh") || says() || named()
}

impl Definition {
    /// Every command, with the name of its place.
    pub(super) fn commands(&self) -> impl Iterator<Item = (String, &[String])> {
        let named = |name: &str, argv| (name.to_owned(), argv);
        let rebuild = self.rebuild.iter().map(|rebuild| ("rebuild".to_owned(), rebuild.command.as_slice()));
        let queue = self.queue.iter().map(|queue| ("queue.list".to_owned(), queue.list.as_slice()));
        let prepare = self.prepare.iter().enumerate();
        let prepare = prepare.map(|(n, argv)| (format!("prepare.{n}"), argv.as_slice()));
        [
            named("start", self.start.as_slice()),
            named("stop", &self.stop),
            named("kill", &self.kill),
            named("version", &self.version),
            named("check", &self.check),
            named("migrate", &self.migrate),
        ]
        .into_iter()
        .chain(rebuild)
        .chain(queue)
        .chain(prepare)
    }

    /// The first variable that a shell would read as it pleases, in words for whoever wrote the file. A server that the harness
    /// starts sees paths that are plain words; in its scripts they may stand bare.
    pub(super) fn bare_in_a_shell(&self) -> Option<String> {
        let lines = self.commands().flat_map(|(place, argv)| {
            lines(argv).into_iter().map(move |at| (format!("the shell's line in `{place}`"), &argv[at]))
        });
        let scripts = self
            .files
            .iter()
            .filter(|(path, file)| self.kind == ServerKind::Command && is_script(self, path, file.text()));
        let files = scripts.map(|(path, file)| (format!("the shell's script `files.{path:?}`"), file.text()));
        lines.chain(files).find_map(|(place, text)| bare(&place, text))
    }
}

fn bare(place: &str, text: &str) -> Option<String> {
    let quoting = quoting(text);
    let (at, name) = in_braces(text).find(|(at, name)| {
        let open = matches!(quoting[*at], Quoting::Bare | Quoting::Unclear);
        open && is_variable(name) && !is_plain(name)
    })?;
    let variable = format!("{{{name}}}");
    let line = line_at(text, at);
    Some(match quoting[at] {
        Quoting::Unclear => format!(
            "`{variable}` stands in or behind a here-document, backquotes or `$'...'` in {place} (`{line}`), where its value \
             may be read as something else; set `value=\"{variable}\"` before all that, and write `\"$value\"` here"
        ),
        _ => format!(
            "`{variable}` stands bare in {place} (`{line}`): a blank in its value would make several words of it; write \
             `\"{variable}\"`, or `\"$1\"` and the variable as an argument of its own"
        ),
    })
}

/// Its value is always one word of letters and digits, or a list of such words: numbers, and names that the harness gives.
fn is_plain(name: &str) -> bool {
    let own = name.strip_prefix("with.").and_then(|rest| rest.split_once('.')).map_or(name, |(_, own)| own);
    ["uid", "gid", "users", "lists", "user", "exe"].contains(&own)
        || own.starts_with("port.")
        || own.contains(".port.")
}

/// The line of `text` around `at`, shortened.
fn line_at(text: &str, at: usize) -> String {
    const LONGEST: usize = 80;
    let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[begin..].lines().next().unwrap_or_default().trim();
    let mut short: String = line.chars().take(LONGEST).collect();
    if short.len() < line.len() {
        short += "...";
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::server::render::Vars;

    fn at(text: &str) -> Quoting {
        quoting(text)[text.find("{store}").expect("it is there")]
    }

    #[test]
    fn quotations_comments_and_what_is_unclear_are_told_apart() {
        let bare =
            ["{store}", "a 'b' {store}", r"\'{store}", r#""a" {store}"#, "a#b'c' {store}", "$(ls {store})"];
        assert_eq!(bare.map(at), [Quoting::Bare; 6]);
        let inner = [r#""$(ls {store})""#, r#""$(ls "a" $((1+1)) {store})""#, "\"$(# \")\n ls {store})\""];
        assert_eq!(inner.map(at), [Quoting::Bare; 3]);
        assert_eq!(["'{store}'", "$(ls '{store}')", "# it's\n'{store}'"].map(at), [Quoting::Single; 3]);
        assert_eq!([r#""{store}""#, r#""\"{store}""#, r#""'{store}'""#].map(at), [Quoting::Double; 3]);
        let double = [
            r#""$(ls "{store}")""#,
            r#""$(ls "a" (b))" "{store}""#,
            r#""\$(" "{store}""#,
            r#""a $(b) {store}""#,
        ];
        assert_eq!(double.map(at), [Quoting::Double; 4]);
        assert_eq!(["# {store}", "a; # 'b {store}"].map(at), [Quoting::Comment; 2]);
        let unclear =
            ["cat <<E\n'{store}'", "`ls '{store}'`", r#""$(case a in a) "{store}")""#, r"$'{store}'"];
        assert_eq!(unclear.map(at), [Quoting::Unclear; 4]);
    }

    #[test]
    fn a_shell_reads_a_filled_in_value_as_it_is() {
        let value = "/srv/w w/$HOME `id` \"x\" 'y' \\z;#(";
        let vars =
            Vars([("store".to_owned(), value.to_owned()), ("port.a".to_owned(), "25".to_owned())].into());
        let text = r#"printf '%s\n' "{store}" '{store}' "a'{store}'" '{port.a}' {port.a} # {store}"#;
        let argv = ["sh", "-c", text].map(str::to_owned);
        let filled = vars.fill_command(&argv);
        let said = std::process::Command::new(&filled[0]).args(&filled[1..]).output().expect("sh runs");
        let said = String::from_utf8(said.stdout).expect("text");
        assert_eq!(said, format!("{value}\n{value}\na'{value}'\n25\n25\n"));
    }

    #[test]
    fn lines_of_shells_are_found_behind_other_programs_too() {
        let found = |words: &str| lines(&words.split(' ').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(found("/bin/sh -c X"), [2]);
        assert_eq!(found("env A=b nice bash --norc -eu -o pipefail -c X sh {store}"), [9]);
        assert_eq!(found("runuser -u mail -c X"), [4]);
        assert_eq!(found("busybox sh -ec X"), [3]);
        assert_eq!(found("/bin/sh script.sh -c X"), [] as [usize; 0]);
        assert_eq!(found("program -c X"), [] as [usize; 0]);
    }
}
