use super::escape::escaped;

pub(crate) const WIDTH: f64 = 960.0;

/// A picture with a name and a description for those who do not see it.
pub(crate) fn picture(name: &str, description: &str, height: f64, body: &str) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}. {}\">{body}</svg>",
        escaped(name),
        escaped(description)
    )
}
