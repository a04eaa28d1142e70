#[cfg(test)]
mod cuts;
#[cfg(test)]
mod power;
#[cfg(test)]
mod sweep;
#[cfg(test)]
mod told;
