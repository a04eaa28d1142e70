pub(crate) fn promise(contract: &str) -> &'static str {
    match contract {
        "lying" => "it breaks its promises on purpose; the question is whether the mail server noticed",
        "elsewhere" => "it is the mail server's own, and this program neither broke nor read it",
        _ => "it may fail, but it keeps its promises; lost mail is the mail server's failure",
    }
}
