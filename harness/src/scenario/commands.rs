//! A step's command: there is one, and it counts on nothing that a step does not have.

use super::troubles::Troubles;
use record::plan::server::variables::{in_braces, is_variable};

/// It names a program, and no variable: those of target files are not filled in here.
pub(super) fn possible(field: &str, argv: &[String], found: &mut Troubles<'_>) {
    let field = format!("{field}.do.run-command.argv");
    if argv.is_empty() {
        let help = "name a program and its arguments: argv = [\"sync\"]";
        found.add(&field, "no command is named", help);
    }
    let named = argv.iter().flat_map(|text| in_braces(text)).find(|(_, name)| is_variable(name));
    if let Some((_, name)) = named {
        let help = "only target files have variables; a step's command finds the run directory in FERMOPOSTA_RUN (in a \
            shell's line `\"$FERMOPOSTA_RUN\"`, with the quotes), and the storages below `mnt` in it";
        found.add(&field, format!("`{{{name}}}` would reach the command as it stands"), help);
    }
}
