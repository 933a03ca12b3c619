//! Columns for a terminal, which cut and awk can read too.

use unicode_width::UnicodeWidthStr as _;

/// The rows under their header, each column as wide as its widest cell on a terminal, where many characters of Khmer take
/// no place of their own. Cells are left-aligned.
pub(super) fn table<const N: usize>(header: [&str; N], rows: &[[String; N]]) -> String {
    let header = header.map(str::to_owned);
    let all = || std::iter::once(&header).chain(rows);
    let length = |cell: &String| cell.width();
    let widths: [usize; N] =
        std::array::from_fn(|at| all().map(|row| length(&row[at])).max().unwrap_or(0));
    let mut text = String::new();
    for row in all() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', width - length(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_line_up_and_lines_do_not_end_in_blanks() {
        let rows = [["ab".to_owned(), String::new()], ["a".to_owned(), "ខ្មែរ".to_owned()]];
        assert_eq!(table(["x", "wide"], &rows), "x   wide\nab\na   ខ្មែរ\n");
        // In ភ្នំ the second letter and the vowel stand below and above the first, which alone takes a place.
        let rows = [["ភ្នំ", "1"], ["ab", "2"], ["表", "3"]].map(|row| row.map(str::to_owned));
        assert_eq!(table(["x", "n"], &rows), "x   n\nភ្នំ   1\nab  2\n表  3\n");
    }
}
