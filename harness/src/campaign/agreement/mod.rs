mod agreement;
pub(crate) use agreement::agreement;
mod outline;
pub(crate) use outline::Outline;
mod kept;
pub(crate) use kept::keep;
