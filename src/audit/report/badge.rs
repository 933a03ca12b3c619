//! The badge: a small picture with the grade.

/// Colours of the grades, A to F.
const COLOURS: [(char, &str); 6] = [
    ('A', "#1a7f37"),
    ('B', "#4d8c0c"),
    ('C', "#9a6700"),
    ('D', "#bc4c00"),
    ('E', "#cf222e"),
    ('F', "#8b0000"),
];

/// The badge for a grade.
pub(super) fn svg(letter: char) -> String {
    let colour =
        COLOURS.iter().find(|(of, _)| *of == letter).map_or("#59636e", |(_, colour)| colour);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"132\" height=\"20\" role=\"img\" aria-label=\"payon-sim audit: {letter}\">\
         <title>payon-sim audit: {letter}</title>\
         <rect width=\"132\" height=\"20\" rx=\"3\" fill=\"#444c56\"/><rect x=\"104\" width=\"28\" height=\"20\" rx=\"3\" fill=\"{colour}\"/>\
         <g fill=\"#fff\" font-family=\"Verdana,DejaVu Sans,sans-serif\" font-size=\"11\" text-anchor=\"middle\">\
         <text x=\"52\" y=\"14\">payon-sim audit</text><text x=\"118\" y=\"14\" font-weight=\"bold\">{letter}</text></g></svg>\n"
    )
}
