//! A shell's line of a user's, given on the command line, with variables in it. Braces that name none of them are the shell's.

use super::shell::{self, Quoting};
use super::variables::in_braces;
use crate::plan::quoted;

/// A line that can be filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(String);

/// Why a line cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLine {
    #[error("it does not name `{{{0}}}`")]
    Missing(&'static str),
    #[error(
        "`{{{0}}}` stands in or behind a here-document, backquotes or `$'...'`, where its value may be read as something else; \
         set `value={{{0}}}` before all that, and write `\"$value\"` there"
    )]
    Unclear(&'static str),
}

impl Line {
    /// Takes a line that names all of `needed`.
    ///
    /// # Errors
    /// It does not, or a shell would read a value of `known` as something else.
    pub fn checked(text: &str, needed: &[&'static str], known: &[&'static str]) -> Result<Line, BadLine> {
        let line = Line(text.to_owned());
        if let Some(missing) = needed.iter().find(|name| !line.names(name)) {
            return Err(BadLine::Missing(missing));
        }
        let quoting = shell::quoting(text);
        let unclear =
            |name: &&&str| in_braces(text).any(|(at, own)| own == **name && quoting[at] == Quoting::Unclear);
        match known.iter().find(unclear) {
            Some(name) => Err(BadLine::Unclear(name)),
            None => Ok(line),
        }
    }

    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether the variable stands in it where the shell reads it.
    pub fn names(&self, variable: &str) -> bool {
        let quoting = shell::quoting(&self.0);
        in_braces(&self.0).any(|(at, name)| name == variable && quoting[at] != Quoting::Comment)
    }

    /// With its variables filled in: each value stays one word, and what it is.
    pub fn filled(&self, values: &[(&str, &str)]) -> String {
        let quoting = shell::quoting(&self.0);
        let (mut filled, mut done) = (String::with_capacity(self.0.len()), 0);
        for (at, name) in in_braces(&self.0) {
            let value = values.iter().find(|(own, _)| *own == name).map(|(_, value)| *value);
            let written = value.and_then(|value| match quoting[at] {
                Quoting::Bare => Some(quoted(value)),
                other => shell::written(value, other),
            });
            if let Some(written) = written {
                filled += &self.0[done..at];
                filled += &written;
                done = at + name.len() + "{}".len();
            }
        }
        filled + &self.0[done..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_value_stays_one_word_however_it_is_quoted() {
        let line = Line::checked(
            "printf '[%s]' {from} \"{from}/\" '{from}' {a,b} $(echo \"{from}\") # {from}",
            &["from"],
            &["from"],
        );
        let hostile = "/a b/$(touch x)'\"`id`";
        let filled = line.expect("a line").filled(&[("from", hostile)]);
        let out = Command::new("sh").args(["-c", &filled]).output().expect("a shell");
        let said = String::from_utf8_lossy(&out.stdout).into_owned();
        assert!(said.starts_with(&format!("[{hostile}][{hostile}/][{hostile}]")), "{filled}\n{said}");
        assert!(said.ends_with("[/a][b/$(touch][x)'\"`id`]"), "{said}");
    }

    #[test]
    fn a_line_names_what_is_needed_where_the_shell_reads_it() {
        let of = |text| Line::checked(text, &["from", "to"], &["from", "to", "user"]);
        assert_eq!(of("cp -a {from}/. {tto}/").expect_err("misspelt").to_string(), "it does not name `{to}`");
        assert_eq!(of("cp {from} # {to}").expect_err("a comment"), BadLine::Missing("to"));
        assert_eq!(of("cp ${from} {to}").expect_err("the shell's own"), BadLine::Missing("from"));
        insta::assert_snapshot!(of("cp {from} `dirname {to}`").expect_err("unclear"), @"`{to}` stands in or behind a here-document, backquotes or `$'...'`, where its value may be read as something else; set `value={to}` before all that, and write `\"$value\"` there");
        assert!(of("awk '{print}' {from} > {to}").is_ok());
    }
}
