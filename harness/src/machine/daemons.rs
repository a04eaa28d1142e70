use std::ffi::OsString;

/// Where programs are looked for: on the PATH and where daemons lie, which an ordinary user's PATH lacks.
pub(crate) fn path_with_daemons() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/local/sbin:/usr/sbin:/sbin");
    path
}
