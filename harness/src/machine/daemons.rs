use std::ffi::OsString;

/// Where programs lie on every machine: there may be no PATH at all.
const USUAL: &str = "/usr/local/bin:/usr/bin:/bin";

/// Where programs are looked for: on the PATH and where daemons lie, which an ordinary user's PATH lacks.
pub(crate) fn path_with_daemons() -> OsString {
    let path = std::env::var_os("PATH").filter(|path| !path.is_empty());
    let mut path = path.unwrap_or_else(|| USUAL.into());
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    path
}
