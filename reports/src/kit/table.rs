//! A table that every form shows alike: what stands in it is decided once, each form knows only how it looks there.

use super::columns::align;
use super::escape::escaped;
use super::markdown;

#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) head: Vec<Column>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// Its cells are numbers, and stand to the right.
    pub(crate) number: bool,
}

#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) look: Look,
    /// Where it leads to on a page.
    pub(crate) link: Option<String>,
}

/// What a cell is on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// The row's name.
    Name,
    /// The row's name, and code.
    Code,
    Text,
    /// Text of a column among columns of numbers.
    Word,
    Number,
    /// A result, with the colour of this class of the style sheet.
    Colour(&'static str),
}

impl Column {
    pub(crate) fn words(name: &str) -> Column {
        Column { name: name.to_owned(), number: false }
    }

    pub(crate) fn numbers(name: &str) -> Column {
        Column { name: name.to_owned(), number: true }
    }
}

impl Look {
    pub(crate) fn of(self, text: impl Into<String>) -> Cell {
        Cell { text: text.into(), look: self, link: None }
    }

    /// The tag of its cell, with attributes, and what goes around its text.
    fn html(self) -> (&'static str, String, [&'static str; 2]) {
        match self {
            Look::Name => ("th", " scope=\"row\"".to_owned(), [""; 2]),
            Look::Code => ("th", " scope=\"row\"".to_owned(), ["<code>", "</code>"]),
            Look::Text => ("td", String::new(), [""; 2]),
            Look::Word => ("td", " class=\"plain\"".to_owned(), [""; 2]),
            Look::Number => ("td", " class=\"number\"".to_owned(), [""; 2]),
            Look::Colour(class) => {
                ("td", format!(" class=\"{}\"", format!("cell {class}").trim_end()), [""; 2])
            }
        }
    }
}

impl Table {
    /// Aligned lines, the head first.
    pub(crate) fn text(&self) -> String {
        let head = self.head.iter().map(|column| column.name.clone()).collect();
        align(&std::iter::once(head).chain(self.texts()).collect::<Vec<_>>(), &self.right())
    }

    /// Aligned lines, without the head.
    pub(crate) fn text_without_head(&self) -> String {
        align(&self.texts().collect::<Vec<_>>(), &self.right())
    }

    pub(crate) fn markdown(&self) -> String {
        let rule = self.head.iter().map(|column| if column.number { "--:|" } else { "---|" });
        let rule: String = rule.collect();
        let rows: String = self.texts().map(|cells| markdown::row(&cells)).collect();
        format!("{}|{rule}\n{rows}", self.markdown_head())
    }

    /// A column without a name takes no more room than a space, and `#` means nothing within a line.
    fn markdown_head(&self) -> String {
        let names = self.head.iter().map(|column| match column.name.as_str() {
            "" => " |".to_owned(),
            "#" => " # |".to_owned(),
            name => format!(" {} |", markdown::escaped(name)),
        });
        format!("|{}\n", names.collect::<String>())
    }

    /// The rows of a table's body, each after a line break.
    pub(crate) fn html_rows(&self) -> String {
        let row =
            |cells: &Vec<Cell>| format!("\n<tr>{}</tr>", cells.iter().map(Cell::html).collect::<String>());
        self.rows.iter().map(row).collect()
    }

    fn texts(&self) -> impl Iterator<Item = Vec<String>> {
        self.rows.iter().map(|cells| cells.iter().map(|cell| cell.text.clone()).collect())
    }

    fn right(&self) -> Vec<bool> {
        self.head.iter().map(|column| column.number).collect()
    }
}

impl Cell {
    fn html(&self) -> String {
        let (tag, attributes, [before, after]) = self.look.html();
        let mut text = escaped(&self.text);
        if let Some(link) = &self.link {
            text = format!("<a href=\"{}\">{text}</a>", escaped(link));
        }
        format!("<{tag}{attributes}>{before}{text}{after}</{tag}>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let lost = Cell { link: Some("#a\"b".to_owned()), ..Look::Colour("invalid").of("LOST|") };
        Table {
            head: vec![Column::numbers("#"), Column::words("<call>"), Column::words("")],
            rows: vec![
                vec![Look::Number.of("12"), Look::Code.of("<b>"), lost],
                vec![Look::Number.of("1"), Look::Name.of("x"), Look::Colour("").of("")],
            ],
        }
    }

    #[test]
    fn each_form_escapes_what_it_would_take_for_its_own() {
        insta::assert_snapshot!(table().text(), @r"
           #  <call>
          12  <b>     LOST|
           1  x
        ");
        insta::assert_snapshot!(table().markdown(), @r"
        | # | &lt;call&gt; | |
        |--:|---|---|
        | 12 | &lt;b&gt; | LOST\| |
        | 1 | x |  |
        ");
        insta::assert_snapshot!(table().html_rows().trim_start(), @r##"
        <tr><td class="number">12</td><th scope="row"><code>&#60;b&#62;</code></th><td class="cell invalid"><a href="#a&#34;b">LOST|</a></td></tr>
        <tr><td class="number">1</td><th scope="row">x</th><td class="cell"></td></tr>
        "##);
    }
}
