//! The badge: a small picture with the grade, and with the word where the audit failed.

use crate::audit::AuditReport;

/// Colours of the grades, A to F.
const COLOURS: [(&str, &str); 6] = [
    ("A", "#1a7f37"),
    ("B", "#4d8c0c"),
    ("C", "#9a6700"),
    ("D", "#bc4c00"),
    ("E", "#cf222e"),
    ("F", "#8b0000"),
];
/// Colour of an audit that failed, whatever its grade is.
const FAILED: &str = "#cf222e";
/// Width of the part with the name.
const NAME_WIDTH: usize = 104;
/// Widths of the part with the grade, alone and with the word.
const GRADE_WIDTHS: (usize, usize) = (28, 60);

/// The badge for the grade of an audit.
pub(super) fn svg(report: &AuditReport<'_>) -> String {
    let letter = &report.audit.grade.letter;
    let colour = COLOURS.iter().find(|(of, _)| of == letter).map(|(_, colour)| *colour);
    let (text, colour, width) = if report.verdict.passes() {
        (letter.clone(), colour.unwrap_or("#59636e"), GRADE_WIDTHS.0)
    } else {
        (format!("{letter} {}", report.verdict.name()), FAILED, GRADE_WIDTHS.1)
    };
    let (whole, middle) = (NAME_WIDTH + width, NAME_WIDTH + width / 2);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{whole}\" height=\"20\" role=\"img\" aria-label=\"payon-sim audit: {text}\">\
         <title>payon-sim audit: {text}</title>\
         <rect width=\"{whole}\" height=\"20\" rx=\"3\" fill=\"#444c56\"/><rect x=\"{NAME_WIDTH}\" width=\"{width}\" height=\"20\" rx=\"3\" fill=\"{colour}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\">\
         <text x=\"52\" y=\"14\">payon-sim audit</text><text x=\"{middle}\" y=\"14\" font-weight=\"bold\">{text}</text></g></svg>\n"
    )
}
