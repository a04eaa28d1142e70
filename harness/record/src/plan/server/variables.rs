//! `{variables}` in the texts of a definition.

/// Variables other than ports and companions'.
pub(crate) const KNOWN: [&str; 14] = [
    "store",
    "queue",
    "work",
    "root",
    "exe",
    "uid",
    "gid",
    "users",
    "lists",
    "domain",
    "password",
    "internal",
    "internal-group",
    "unprivileged",
];

/// It names a variable of some target, or of one of its commands.
pub fn is_variable(name: &str) -> bool {
    let of_companion = name.strip_prefix("with.").is_some_and(|rest| rest.contains('.'));
    KNOWN.contains(&name)
        || ["user", "from", "to"].contains(&name)
        || name.starts_with("port.")
        || of_companion
}

/// Where a brace opens, and what stands in it. After `%` or `$` it is in the server's own language.
pub fn in_braces(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let open = text.match_indices('{').map(|(at, _)| at);
    let ours = open.filter(|at| !text[..*at].ends_with(['%', '$']));
    ours.filter_map(|at| Some((at, text[at + 1..].split_once('}')?.0)))
}
